"""Plot figure 1: first-layer units' masks."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.figures.fig1 import plot_fig1
from winnow.figures.style import Page, save_figure
from winnow.job.maker import made_by
from winnow.store.datasets import open_dataset
from winnow.store.tensors import read_mask

figure = plot_fig1(
    read_mask(snakemake.input.imp),
    read_mask(snakemake.input.oneshot),
    open_dataset(snakemake.input.dataset).shape,
    units=snakemake.params.units,
    page=Page.of_millimetres(snakemake.params.width),
)
save_figure(figure, *snakemake.output, made_by=made_by())
