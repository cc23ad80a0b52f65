"""Prune the dense network: IMP's first round."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.pruning.imp_first_round import prune_imp_first_round
from winnow.store.tensors import read_parameters, write_mask

mask = prune_imp_first_round(
    rewind=read_parameters(snakemake.input.rewind),
    trained=read_parameters(snakemake.input.trained),
    **snakemake.params.pruning,
)
write_mask(snakemake.output.mask, mask)
