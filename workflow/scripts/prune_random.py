"""Draw random masks with the densities of IMP's."""

from winnow import store
from winnow.log import log_to
from winnow.pruning import prune_random

log_to(snakemake.log[0])
imp = [store.read_mask(path) for path in snakemake.input.masks]
for path, mask in zip(snakemake.output.masks, prune_random(imp, int(snakemake.wildcards.seed)), strict=True):
    store.write_mask(path, mask)
