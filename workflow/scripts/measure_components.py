"""Find the principal and independent components of the validation images."""

from winnow import store
from winnow.devices import resolve_device
from winnow.log import log_to
from winnow.measure.components import measure_components

log_to(snakemake.log[0])
dataset = store.open_dataset(snakemake.input.dataset)
device = resolve_device(snakemake.params.device)
components = measure_components(dataset, **snakemake.params.settings, device=device)
store.write_arrays(snakemake.output.components, components)
