"""Measure receptive-field widths and pair correlations of the first layer."""

from winnow import store
from winnow.devices import claim_device, device_name
from winnow.log import log_to
from winnow.measure.locality import measure_locality
from winnow.pruning import with_full_mask

log_to(snakemake.log[0])
masks = with_full_mask([store.read_mask(path) for path in snakemake.input.masks])
shape = store.open_dataset(snakemake.input.dataset).shape
device = claim_device(snakemake.params.device, snakemake.resources.get("jobs_per_gpu", 1))
tables = measure_locality(masks, shape, **snakemake.params.settings, device=device)
made_with = {"device": device_name(device)}
run = {
    "dataset": snakemake.wildcards.dataset,
    "method": snakemake.wildcards.method,
    "seed": int(snakemake.wildcards.seed),
}
store.write_table(snakemake.output.units, "locality", tables.units, made_with=made_with, **run)
store.write_table(snakemake.output.population, "locality_population", tables.population, made_with=made_with, **run)
store.write_table(
    snakemake.output.pair_correlation, "pair_correlation", tables.pair_correlation, made_with=made_with, **run
)
