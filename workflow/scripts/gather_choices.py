"""Gather the tables of the runs under all choices into one."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.store.tables import gather_tables

gather_tables(
    snakemake.input.tables, snakemake.output.table, snakemake.wildcards.statistic, datasets=snakemake.params.datasets
)
