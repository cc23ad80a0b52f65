"""Prune the dense network in a single cut to every round's density."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.pruning.oneshot import prune_oneshot
from winnow.store.tensors import read_parameters, write_mask

masks = prune_oneshot(
    snakemake.params.rounds,
    rewind=read_parameters(snakemake.input.rewind),
    trained=read_parameters(snakemake.input.trained),
    **snakemake.params.pruning,
)
for path, mask in zip(snakemake.output.masks, masks, strict=True):
    write_mask(path, mask)
