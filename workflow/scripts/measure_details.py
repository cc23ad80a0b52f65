"""Measure what the explorer shows of single units."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.job.devices import claim_device, device_name
from winnow.measure.details import measure_details
from winnow.store.datasets import open_dataset
from winnow.store.tensors import read_mask, read_parameters, write_arrays

device = claim_device(snakemake.params.device, snakemake.resources.get("jobs_per_gpu", 1))
details = measure_details(
    read_parameters(snakemake.input.rewind),
    {method: [read_mask(path) for path in snakemake.input[method]] for method in snakemake.params.methods},
    read_mask(snakemake.input.choice),
    open_dataset(snakemake.input.dataset),
    n_units=snakemake.params.units,
    epsilon=snakemake.params.epsilon,
    device=device,
)
write_arrays(snakemake.output.details, details, made_with={"device": device_name(device)})
