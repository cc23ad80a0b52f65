"""Find the principal and independent components of the validation images."""

from winnow import store
from winnow.log import log_to
from winnow.measure.components import measure_components

log_to(snakemake.log[0])
components = measure_components(store.open_dataset(snakemake.input.dataset), **snakemake.params.settings)
store.write_arrays(snakemake.output.components, components)
