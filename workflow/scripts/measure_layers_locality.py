"""Measure the effective receptive fields of deeper layers: their reach, widths, pair correlation, participation."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.job.devices import claim_device, device_name
from winnow.masks import with_full_mask
from winnow.measure.layers_locality import measure_layers_locality
from winnow.store.datasets import open_dataset
from winnow.store.tables import write_table
from winnow.store.tensors import read_mask, read_parameters

device = claim_device(snakemake.params.device, snakemake.resources.get("jobs_per_gpu", 1))
tables = measure_layers_locality(
    read_parameters(snakemake.input.rewind),
    with_full_mask([read_mask(path) for path in snakemake.input.masks]),
    open_dataset(snakemake.input.dataset).shape,
    layers=snakemake.params.layers,
    **snakemake.params.settings,
    seed=int(snakemake.wildcards.seed),
    device=device,
)
made_with = {"device": device_name(device)}
run = {
    "dataset": snakemake.wildcards.dataset,
    "method": snakemake.wildcards.method,
    "seed": int(snakemake.wildcards.seed),
}
write_table(snakemake.output.units, "layers_locality", tables.units, made_with=made_with, **run)
write_table(
    snakemake.output.pair_correlation, "layers_pair_correlation", tables.pair_correlation, made_with=made_with, **run
)
