"""Measure the inverse participation ratio of the first layer's units."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.masks import with_full_mask
from winnow.measure.participation import measure_participation
from winnow.store.tables import write_table
from winnow.store.tensors import read_mask, read_parameters

masks = with_full_mask([read_mask(path) for path in snakemake.input.masks])
columns = measure_participation(read_parameters(snakemake.input.rewind), masks)
run = {
    "dataset": snakemake.wildcards.dataset,
    "method": snakemake.wildcards.method,
    "seed": int(snakemake.wildcards.seed),
}
write_table(snakemake.output.participation, "participation", columns, **run)
