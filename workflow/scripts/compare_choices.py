"""Compare the claims under each choice with the experiment's own."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.claims.choices import compare_choices, summarise_choices
from winnow.store.atomic import write_bytes
from winnow.store.tables import read_table, write_table

columns = compare_choices(
    read_table(snakemake.input.claims, "claims").to_pandas(),
    read_table(snakemake.input.of_choices, "claims").to_pandas(),
    dataset=snakemake.params.dataset,
    choices=snakemake.params.choices,
    changes=snakemake.params.changes,
)
write_table(snakemake.output.table, "sensitivity", columns)
write_bytes(snakemake.output.summary, summarise_choices(columns).encode())
