"""Prepare a dataset of any source."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.datasets.prepare import prepare_dataset

prepare_dataset(snakemake.output.dataset, name=snakemake.wildcards.dataset, **snakemake.params.settings)
