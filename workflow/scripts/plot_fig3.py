"""Plot figure 3: the Gaussian clone."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.figures.fig3 import plot_fig3
from winnow.figures.style import Page, save_figure
from winnow.job.maker import made_by
from winnow.store.datasets import open_dataset
from winnow.store.tables import read_tables
from winnow.store.tensors import read_mask

figure = plot_fig3(
    open_dataset(snakemake.input.dataset),
    open_dataset(snakemake.input.clone),
    read_mask(snakemake.input.mask),
    read_mask(snakemake.input.clone_mask),
    read_tables(snakemake.input.locality, "locality").to_pandas(),
    dataset=snakemake.params.dataset,
    clone_name=snakemake.params.clone,
    units=snakemake.params.units,
    page=Page.of_millimetres(snakemake.params.width),
)
save_figure(figure, *snakemake.output, made_by=made_by())
