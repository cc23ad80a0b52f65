"""Draw the Gaussian clone of a dataset, with its certificate."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.clone.certificate import summarise_certificate
from winnow.clone.draw import clone_gaussian
from winnow.store.atomic import write_bytes
from winnow.store.tables import read_table

settings = {"name": snakemake.wildcards.dataset, **snakemake.params.settings}
clone_gaussian(
    snakemake.input.dataset,
    snakemake.output.dataset,
    snakemake.output.certificate,
    threads=snakemake.threads,
    **settings,
)
certificate = read_table(snakemake.output.certificate, "certificate")
write_bytes(snakemake.output.summary, summarise_certificate(certificate).encode())
