"""Check the paper's claims."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.claims.table import check_claims, summarise_claims
from winnow.store.atomic import write_bytes
from winnow.store.tables import read_table, write_table

columns = check_claims(
    read_table(snakemake.input.locality, "locality").to_pandas(),
    read_table(snakemake.input.pair_correlation, "pair_correlation").to_pandas(),
    read_table(snakemake.input.kurtosis, "kurtosis_by_class").to_pandas(),
    read_table(snakemake.input.cavity, "cavity").to_pandas(),
    datasets=snakemake.params.datasets,
    clone_suffix=snakemake.params.clone_suffix,
)
write_table(snakemake.output.table, "claims", columns)
write_bytes(snakemake.output.summary, summarise_claims(columns).encode())
