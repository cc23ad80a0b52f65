"""Plot figure 2: independent and principal components."""

from winnow import store
from winnow.figures.fig2 import plot_fig2
from winnow.figures.style import save_figure
from winnow.log import log_to

log_to(snakemake.log[0])
figure = plot_fig2(
    store.read_arrays(snakemake.input.components),
    store.open_dataset(snakemake.input.dataset).shape,
)
save_figure(figure, snakemake.output.pdf, snakemake.output.png)
