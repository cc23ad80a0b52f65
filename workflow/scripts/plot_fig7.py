"""Plot figure 7: all methods at a glance."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.figures.fig7 import plot_fig7
from winnow.figures.style import Page, save_figure
from winnow.job.maker import made_by
from winnow.store.datasets import open_dataset
from winnow.store.tables import read_table
from winnow.store.tensors import read_mask

figure = plot_fig7(
    read_table(snakemake.input.methods, "methods").to_pandas(),
    dict(zip(snakemake.params.methods, map(read_mask, snakemake.input.masks), strict=True)),
    open_dataset(snakemake.input.dataset).shape,
    dataset=snakemake.params.dataset,
    procedures=dict(zip(snakemake.params.methods, snakemake.params.procedures, strict=True)),
    page=Page.of_millimetres(snakemake.params.width),
)
save_figure(figure, *snakemake.output, made_by=made_by())
