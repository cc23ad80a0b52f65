"""Plot figure 6: accuracy against density, and pair correlations."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.figures.fig6 import plot_fig6
from winnow.figures.style import Page, save_figure
from winnow.job.maker import made_by
from winnow.store.datasets import open_dataset
from winnow.store.tables import read_tables

figure = plot_fig6(
    read_tables(snakemake.input.training, "training").to_pandas(),
    read_tables(snakemake.input.pair_correlation, "pair_correlation").to_pandas(),
    dataset=snakemake.params.dataset,
    clone_name=snakemake.params.clone,
    n_classes=len(open_dataset(snakemake.input.dataset).classes),
    page=Page.of_millimetres(snakemake.params.width),
)
save_figure(figure, *snakemake.output, made_by=made_by())
