"""Make masks of another method's."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.pruning.from_masks import prune_from_masks
from winnow.store.datasets import open_dataset
from winnow.store.tensors import read_mask, read_parameters, write_mask

masks = prune_from_masks(
    [read_mask(path) for path in snakemake.input.masks],
    seed=int(snakemake.wildcards.seed),
    rewind=read_parameters(snakemake.input.rewind),
    dataset=open_dataset(snakemake.input.dataset),
    epsilon=snakemake.params.epsilon,
    **snakemake.params.making,
)
for path, mask in zip(snakemake.output.masks, masks, strict=True):
    write_mask(path, mask)
