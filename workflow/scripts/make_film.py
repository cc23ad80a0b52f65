"""Make a film of masks over the rounds."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.figures.film import make_film, write_film
from winnow.job.maker import made_by
from winnow.store.datasets import open_dataset
from winnow.store.tensors import read_mask

film = make_film(
    [read_mask(path) for path in snakemake.input.masks],
    open_dataset(snakemake.input.dataset).shape,
    dataset=snakemake.wildcards.dataset,
    method=snakemake.wildcards.method,
    seed=int(snakemake.wildcards.seed),
    units=snakemake.params.units,
)
write_film(film, snakemake.output.film, made_by())
