"""Show how one weight's cavity score comes about."""

from winnow import store
from winnow.devices import claim_device, device_name
from winnow.log import log_to
from winnow.measure.cavity import measure_cavity_example

log_to(snakemake.log[0])
device = claim_device(snakemake.params.device, snakemake.resources.get("jobs_per_gpu", 1))
columns = measure_cavity_example(
    store.read_parameters(snakemake.input.rewind),
    store.read_mask(snakemake.input.mask),
    store.open_dataset(snakemake.input.dataset),
    epsilon=snakemake.params.epsilon,
    device=device,
)
made_with = {"device": device_name(device)}
run = {"dataset": snakemake.wildcards.dataset, "seed": int(snakemake.wildcards.seed)}
store.write_table(snakemake.output.example, "cavity_example", columns, made_with=made_with, **run)
