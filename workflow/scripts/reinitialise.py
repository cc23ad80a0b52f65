"""Draw other initial weights, for masks that were found with those of the run."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.pruning.from_masks import reinitialise
from winnow.store.tensors import read_parameters, write_parameters

rewind = read_parameters(snakemake.input.rewind)
start = reinitialise(rewind, int(snakemake.wildcards.seed), snakemake.params.initial_weights)
write_parameters(snakemake.output.start, start)
