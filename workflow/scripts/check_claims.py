"""Check the paper's claims."""

from winnow import store
from winnow.claims import check_claims, summarise_claims
from winnow.log import log_to

log_to(snakemake.log[0])
columns = check_claims(
    store.read_table(snakemake.input.locality, "locality").to_pandas(),
    store.read_table(snakemake.input.kurtosis, "kurtosis_by_class").to_pandas(),
    store.read_table(snakemake.input.cavity, "cavity").to_pandas(),
    datasets=snakemake.params.datasets,
    clone_suffix=snakemake.params.clone_suffix,
)
store.write_table(snakemake.output.table, "claims", columns)
store.write_bytes(snakemake.output.summary, summarise_claims(columns).encode())
