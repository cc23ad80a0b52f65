"""Plot figure 4: receptive-field width and kurtosis against sparsity."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.figures.fig4 import plot_fig4
from winnow.figures.style import save_figure
from winnow.store.tables import read_tables

figure = plot_fig4(
    read_tables(snakemake.input.locality, "locality").to_pandas(),
    read_tables(snakemake.input.kurtosis, "kurtosis_by_class").to_pandas(),
    dataset=snakemake.params.dataset,
)
save_figure(figure, snakemake.output.pdf, snakemake.output.png)
