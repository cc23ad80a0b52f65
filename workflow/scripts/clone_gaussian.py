"""Draw the Gaussian clone of a dataset, with its certificate."""

from winnow import store
from winnow.clone import clone_gaussian, summarise_certificate
from winnow.log import log_to

log_to(snakemake.log[0])
clone_gaussian(
    snakemake.input.dataset,
    snakemake.output.dataset,
    snakemake.output.certificate,
    name=snakemake.wildcards.dataset,
    threads=snakemake.threads,
    **snakemake.params.settings,
)
certificate = store.read_table(snakemake.output.certificate, "certificate")
store.write_bytes(snakemake.output.summary, summarise_certificate(certificate).encode())
