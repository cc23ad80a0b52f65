"""Draw random masks with the densities of another method's."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.pruning.random import prune_random
from winnow.store.tensors import read_mask, write_mask

masks = [read_mask(path) for path in snakemake.input.masks]
drawn = prune_random(masks, int(snakemake.wildcards.seed))
for path, mask in zip(snakemake.output.masks, drawn, strict=True):
    write_mask(path, mask)
