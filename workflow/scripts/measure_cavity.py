"""Measure the cavity scores of the first layer's weights, by the round of removal."""

from winnow import store
from winnow.devices import claim_device, device_name
from winnow.log import log_to
from winnow.measure.cavity import measure_cavity
from winnow.pruning import with_full_mask

log_to(snakemake.log[0])
device = claim_device(snakemake.params.device, snakemake.resources.get("jobs_per_gpu", 1))
columns = measure_cavity(
    store.read_parameters(snakemake.input.rewind),
    with_full_mask([store.read_mask(path) for path in snakemake.input.masks]),
    store.open_dataset(snakemake.input.dataset),
    epsilon=snakemake.params.epsilon,
    device=device,
)
made_with = {"device": device_name(device)}
method = snakemake.wildcards.method
run = {"dataset": snakemake.wildcards.dataset, "method": method, "seed": int(snakemake.wildcards.seed)}
store.write_table(snakemake.output.cavity, "cavity", columns, fates_of=method, made_with=made_with, **run)
