"""Plot figure 1: the most connected units' masks."""

from winnow import store
from winnow.figures.fig1 import plot_fig1
from winnow.figures.style import save_figure
from winnow.log import log_to

log_to(snakemake.log[0])
figure = plot_fig1(
    store.read_mask(snakemake.input.imp),
    store.read_mask(snakemake.input.oneshot),
    store.open_dataset(snakemake.input.dataset).shape,
    units=snakemake.params.units,
)
save_figure(figure, snakemake.output.pdf, snakemake.output.png)
