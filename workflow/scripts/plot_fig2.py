"""Plot figure 2: independent and principal components."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.figures.fig2 import plot_fig2
from winnow.figures.style import Page, save_figure
from winnow.job.maker import made_by
from winnow.store.datasets import open_dataset
from winnow.store.tensors import read_arrays

figure = plot_fig2(
    read_arrays(snakemake.input.components),
    open_dataset(snakemake.input.dataset).shape,
    page=Page.of_millimetres(snakemake.params.width),
)
save_figure(figure, *snakemake.output, made_by=made_by())
