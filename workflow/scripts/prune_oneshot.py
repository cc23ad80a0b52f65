"""Prune the dense network in a single cut to every round's density."""

from winnow import store
from winnow.log import log_to
from winnow.pruning import prune_oneshot

log_to(snakemake.log[0])
masks = prune_oneshot(
    snakemake.params.rounds,
    rewind=store.read_parameters(snakemake.input.rewind),
    trained=store.read_parameters(snakemake.input.trained),
    **snakemake.params.pruning,
)
for path, mask in zip(snakemake.output.masks, masks, strict=True):
    store.write_mask(path, mask)
