"""Blend a dataset with its Gaussian clone."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.datasets.blend import blend_dataset

blend_dataset(
    snakemake.input.natural,
    snakemake.input.clone,
    snakemake.output.dataset,
    name=snakemake.wildcards.dataset,
    clone_share=snakemake.params.clone_share,
)
