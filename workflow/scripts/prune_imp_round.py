"""Rewind, train with the last round's mask held, prune."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.job.devices import claim_device
from winnow.job.scratch import local_copy
from winnow.masks import density
from winnow.pruning.imp import prune_imp_round
from winnow.store.datasets import open_dataset
from winnow.store.tables import write_table
from winnow.store.tensors import read_mask, read_parameters, write_mask
from winnow.training.settings import TrainingSettings

device = claim_device(snakemake.params.device, snakemake.resources.get("jobs_per_gpu", 1))
seed, n = int(snakemake.wildcards.seed), int(snakemake.wildcards.round)
before = read_mask(snakemake.input.mask)
mask, curve = prune_imp_round(
    read_parameters(snakemake.input.rewind),
    before,
    open_dataset(local_copy(snakemake.input.dataset)),
    seed=seed,
    n=n,
    settings=TrainingSettings(**snakemake.params.training),
    device=device,
    **snakemake.params.pruning,
)
made_with = {key: curve[key][-1] for key in ("device", "engine", "precision")}
run = {"dataset": snakemake.wildcards.dataset, "method": snakemake.wildcards.method, "seed": seed}
write_mask(snakemake.output.mask, mask, made_with=made_with)
write_table(
    snakemake.output.training, "training", curve, round=n - 1, density=density(before), made_with=made_with, **run
)
