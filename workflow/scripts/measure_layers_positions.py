"""Measure where the effective receptive fields of deeper layers lie: entropy and variance of positions, distances."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.masks import with_full_mask
from winnow.measure.layers_positions import measure_layers_positions
from winnow.store.datasets import open_dataset
from winnow.store.tables import write_table
from winnow.store.tensors import read_mask, read_parameters

columns = measure_layers_positions(
    read_parameters(snakemake.input.rewind),
    with_full_mask([read_mask(path) for path in snakemake.input.masks]),
    open_dataset(snakemake.input.dataset).shape,
    layers=snakemake.params.layers,
    channels=snakemake.params.channels,
)
run = {
    "dataset": snakemake.wildcards.dataset,
    "method": snakemake.wildcards.method,
    "seed": int(snakemake.wildcards.seed),
}
write_table(snakemake.output.positions, "layers_positions", columns, **run)
