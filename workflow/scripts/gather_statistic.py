"""Gather the tables of all runs into one."""

from winnow import store
from winnow.log import log_to

log_to(snakemake.log[0])
store.gather_tables(snakemake.input.tables, snakemake.output.table, snakemake.wildcards.statistic)
