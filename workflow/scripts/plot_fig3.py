"""Plot figure 3: the Gaussian clone."""

from winnow import store
from winnow.figures.fig3 import plot_fig3
from winnow.figures.style import save_figure
from winnow.log import log_to

log_to(snakemake.log[0])
figure = plot_fig3(
    store.open_dataset(snakemake.input.dataset),
    store.open_dataset(snakemake.input.clone),
    store.read_mask(snakemake.input.mask),
    store.read_tables(snakemake.input.locality, "locality").to_pandas(),
    dataset=snakemake.params.dataset,
    clone_name=snakemake.params.clone,
    units=snakemake.params.units,
)
save_figure(figure, snakemake.output.pdf, snakemake.output.png)
