"""Prune the dense network: IMP's first round."""

from winnow import store
from winnow.log import log_to
from winnow.pruning import prune_imp_first_round

log_to(snakemake.log[0])
mask = prune_imp_first_round(
    rewind=store.read_parameters(snakemake.input.rewind),
    trained=store.read_parameters(snakemake.input.trained),
    **snakemake.params.pruning,
)
store.write_mask(snakemake.output.mask, mask)
