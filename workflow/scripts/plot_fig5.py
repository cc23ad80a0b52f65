"""Plot figure 5: cavity scores by the round of removal."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.figures.fig5 import plot_fig5
from winnow.figures.style import Page, save_figure
from winnow.job.maker import made_by
from winnow.store.tables import read_table, read_tables

figure = plot_fig5(
    read_table(snakemake.input.example, "cavity_example").to_pandas(),
    read_tables(snakemake.input.cavity, "cavity").to_pandas(),
    dataset=snakemake.params.dataset,
    clone_name=snakemake.params.clone,
    page=Page.of_millimetres(snakemake.params.width),
)
save_figure(figure, *snakemake.output, made_by=made_by())
