"""Plot figure 2: independent and principal components."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.figures.fig2 import plot_fig2
from winnow.figures.style import save_figure
from winnow.store.datasets import open_dataset
from winnow.store.tensors import read_arrays

figure = plot_fig2(
    read_arrays(snakemake.input.components),
    open_dataset(snakemake.input.dataset).shape,
)
save_figure(figure, snakemake.output.pdf, snakemake.output.png)
