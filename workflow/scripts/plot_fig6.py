"""Plot figure 6: accuracy against density, and pair correlations."""

from winnow import store
from winnow.figures.fig6 import plot_fig6
from winnow.figures.style import save_figure
from winnow.log import log_to

log_to(snakemake.log[0])
figure = plot_fig6(
    store.read_tables(snakemake.input.training, "training").to_pandas(),
    store.read_tables(snakemake.input.pair_correlation, "pair_correlation").to_pandas(),
    dataset=snakemake.params.dataset,
    clone_name=snakemake.params.clone,
    n_classes=len(store.open_dataset(snakemake.input.dataset).classes),
)
save_figure(figure, snakemake.output.pdf, snakemake.output.png)
