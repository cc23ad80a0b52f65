"""Plot figure 4: receptive-field width and kurtosis against sparsity."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.figures.fig4 import plot_fig4
from winnow.figures.style import Page, save_figure
from winnow.job.maker import made_by
from winnow.store.tables import read_tables

figure = plot_fig4(
    read_tables(snakemake.input.locality, "locality").to_pandas(),
    read_tables(snakemake.input.kurtosis, "kurtosis_by_class").to_pandas(),
    dataset=snakemake.params.dataset,
    page=Page.of_millimetres(snakemake.params.width),
)
save_figure(figure, *snakemake.output, made_by=made_by())
