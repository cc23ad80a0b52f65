"""Find the principal and independent components of the validation images."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.job.devices import claim_device, device_name
from winnow.measure.components import measure_components
from winnow.store.datasets import open_dataset
from winnow.store.tensors import write_arrays

dataset = open_dataset(snakemake.input.dataset)
device = claim_device(snakemake.params.device, snakemake.resources.get("jobs_per_gpu", 1))
components = measure_components(dataset, **snakemake.params.settings, device=device)
made_with = {"device": device_name(device)}
write_arrays(snakemake.output.components, components, made_with=made_with)
