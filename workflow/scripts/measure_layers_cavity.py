"""Measure the cavity scores of the weights of deeper layers, by the round of removal."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.job.devices import claim_device, device_name
from winnow.masks import with_full_mask
from winnow.measure.layers_cavity import measure_layers_cavity
from winnow.store.datasets import open_dataset
from winnow.store.tables import write_table
from winnow.store.tensors import read_mask, read_parameters

device = claim_device(snakemake.params.device, snakemake.resources.get("jobs_per_gpu", 1))
columns = measure_layers_cavity(
    read_parameters(snakemake.input.rewind),
    with_full_mask([read_mask(path) for path in snakemake.input.masks]),
    open_dataset(snakemake.input.dataset),
    layers=snakemake.params.layers,
    epsilon=snakemake.params.epsilon,
    device=device,
)
made_with = {"device": device_name(device)}
method = snakemake.wildcards.method
run = {"dataset": snakemake.wildcards.dataset, "method": method, "seed": int(snakemake.wildcards.seed)}
write_table(snakemake.output.cavity, "layers_cavity", columns, fates_of=method, made_with=made_with, **run)
