"""Draw random masks with the densities of IMP's."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.pruning.random import prune_random
from winnow.store.tensors import read_mask, write_mask

imp = [read_mask(path) for path in snakemake.input.masks]
for path, mask in zip(snakemake.output.masks, prune_random(imp, int(snakemake.wildcards.seed)), strict=True):
    write_mask(path, mask)
