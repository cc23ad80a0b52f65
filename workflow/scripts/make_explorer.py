"""Make the explorer, a page to look at masks, units and curves."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.explorer.make import Run, Tables, make_explorer
from winnow.explorer.still import draw_still
from winnow.store.atomic import write_bytes
from winnow.store.datasets import open_dataset
from winnow.store.tables import read_table
from winnow.store.tensors import read_arrays, read_mask

paths, params = snakemake.input, snakemake.params
shapes = {name: open_dataset(path).shape for name, path in zip(params.datasets, paths.datasets, strict=True)}
masks = iter(paths.masks)  # in the order of the runs, then of the rounds
runs = (Run(*run, [read_mask(next(masks)) for _ in range(params.rounds)]) for run in params.runs)
tables = {name: read_table(paths[name], name).to_pandas() for name in ("locality", "kurtosis_by_unit", "training")}
page = make_explorer(
    snakemake.wildcards.experiment,
    runs,
    {tuple(key): read_arrays(path) for key, path in zip(params.details, paths.details, strict=True)},
    shapes,
    Tables(*tables.values(), read_table(paths.claims, "claims").to_pandas()),
    clone_suffix=params.clone_suffix,
)
write_bytes(snakemake.output.page, page.encode())
write_bytes(snakemake.output.still, draw_still(read_mask(paths.still_of), shapes[params.still_of]))
