"""Plot figure 9: which claims depend on which choice."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.figures.fig9 import plot_fig9
from winnow.figures.style import Page, save_figure
from winnow.job.maker import made_by
from winnow.store.tables import read_table

figure = plot_fig9(
    read_table(snakemake.input.sensitivity, "sensitivity").to_pandas(),
    page=Page.of_millimetres(snakemake.params.width),
)
save_figure(figure, *snakemake.output, made_by=made_by())
