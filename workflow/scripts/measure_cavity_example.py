"""Show how one weight's cavity score comes about."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.job.devices import claim_device, device_name
from winnow.measure.cavity_example import measure_cavity_example
from winnow.store.datasets import open_dataset
from winnow.store.tables import write_table
from winnow.store.tensors import read_mask, read_parameters

device = claim_device(snakemake.params.device, snakemake.resources.get("jobs_per_gpu", 1))
columns = measure_cavity_example(
    read_parameters(snakemake.input.rewind),
    read_mask(snakemake.input.mask),
    open_dataset(snakemake.input.dataset),
    epsilon=snakemake.params.epsilon,
    device=device,
)
made_with = {"device": device_name(device)}
run = {"dataset": snakemake.wildcards.dataset, "seed": int(snakemake.wildcards.seed)}
write_table(snakemake.output.example, "cavity_example", columns, made_with=made_with, **run)
