"""Record what computed the results, and from what."""

from winnow import store
from winnow.log import log_to
from winnow.record import record_run

log_to(snakemake.log[0])
record = record_run(
    snakemake.params.configuration, snakemake.input.tables, snakemake.params.logs, own_log=snakemake.log[0]
)
store.write_bytes(snakemake.output.record, record.encode())
