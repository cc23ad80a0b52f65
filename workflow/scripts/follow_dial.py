"""Follow the dial: dose and response."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.claims.dial import follow_dial, summarise_trends
from winnow.store.atomic import write_bytes
from winnow.store.tables import read_table, write_table

tables = follow_dial(read_table(snakemake.input.methods, "methods").to_pandas(), snakemake.params.dials)
write_table(snakemake.output.responses, "responses", tables.responses)
write_table(snakemake.output.trends, "trends", tables.trends)
write_bytes(snakemake.output.markdown, summarise_trends(tables.trends).encode())
