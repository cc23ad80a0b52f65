"""Draw the Gaussian clone of a dataset, with its certificate."""

from winnow.clone import clone_gaussian

from winnow.log import log_to

log_to(snakemake.log[0])
clone_gaussian(
    snakemake.input.dataset,
    snakemake.output.dataset,
    snakemake.output.certificate,
    name=snakemake.wildcards.dataset,
    **snakemake.params.settings,
)
