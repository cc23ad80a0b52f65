"""Record what computed the results, and from what."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.job.record import record_run
from winnow.store.atomic import write_bytes

record = record_run(
    snakemake.params.configuration, snakemake.input.tables, snakemake.params.logs, own_log=snakemake.log[0]
)
write_bytes(snakemake.output.record, record.encode())
