"""Measure the cavity scores of the first layer's weights, by the round of removal."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.job.devices import claim_device, device_name
from winnow.masks import with_full_mask
from winnow.measure.cavity import measure_cavity
from winnow.store.datasets import open_dataset
from winnow.store.tables import write_table
from winnow.store.tensors import read_mask, read_parameters

device = claim_device(snakemake.params.device, snakemake.resources.get("jobs_per_gpu", 1))
columns = measure_cavity(
    read_parameters(snakemake.input.rewind),
    with_full_mask([read_mask(path) for path in snakemake.input.masks]),
    open_dataset(snakemake.input.dataset),
    epsilon=snakemake.params.epsilon,
    device=device,
)
made_with = {"device": device_name(device)}
method = snakemake.wildcards.method
run = {"dataset": snakemake.wildcards.dataset, "method": method, "seed": int(snakemake.wildcards.seed)}
write_table(snakemake.output.cavity, "cavity", columns, fates_of=method, made_with=made_with, **run)
