"""Plot figure 10: what deeper layers see."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.figures.fig10 import plot_fig10
from winnow.figures.style import Page, save_figure
from winnow.job.maker import made_by
from winnow.store.tables import read_table

figure = plot_fig10(
    read_table(snakemake.input.methods, "methods").to_pandas(),
    dataset=snakemake.params.dataset,
    page=Page.of_millimetres(snakemake.params.width),
)
save_figure(figure, *snakemake.output, made_by=made_by())
