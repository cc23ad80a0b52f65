"""Plot figure 7: all methods at a glance."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.figures.fig7 import plot_fig7
from winnow.figures.style import save_figure
from winnow.store.datasets import open_dataset
from winnow.store.tables import read_table
from winnow.store.tensors import read_mask

figure = plot_fig7(
    read_table(snakemake.input.methods, "methods").to_pandas(),
    dict(zip(snakemake.params.methods, map(read_mask, snakemake.input.masks), strict=True)),
    open_dataset(snakemake.input.dataset).shape,
    dataset=snakemake.params.dataset,
)
save_figure(figure, snakemake.output.pdf, snakemake.output.png)
