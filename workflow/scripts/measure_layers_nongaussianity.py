"""Measure skewness, sixth cumulant and negentropy of the preactivations of deeper layers."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.job.devices import claim_device, device_name
from winnow.masks import with_full_mask
from winnow.measure.layers_nongaussianity import measure_layers_nongaussianity
from winnow.store.datasets import open_dataset
from winnow.store.tables import write_table
from winnow.store.tensors import read_mask, read_parameters

device = claim_device(snakemake.params.device, snakemake.resources.get("jobs_per_gpu", 1))
tables = measure_layers_nongaussianity(
    read_parameters(snakemake.input.rewind),
    with_full_mask([read_mask(path) for path in snakemake.input.masks]),
    open_dataset(snakemake.input.dataset),
    layers=snakemake.params.layers,
    epsilon=snakemake.params.epsilon,
    device=device,
)
made_with = {"device": device_name(device)}
run = {
    "dataset": snakemake.wildcards.dataset,
    "method": snakemake.wildcards.method,
    "seed": int(snakemake.wildcards.seed),
}
write_table(snakemake.output.by_unit, "layers_nongaussianity_by_unit", tables.by_unit, made_with=made_with, **run)
write_table(snakemake.output.by_class, "layers_nongaussianity_by_class", tables.by_class, made_with=made_with, **run)
