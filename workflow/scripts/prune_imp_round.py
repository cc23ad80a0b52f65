"""Rewind, train with the last round's mask held, prune."""

from winnow import store
from winnow.devices import claim_device
from winnow.imp import TrainingSettings, prune_imp_round
from winnow.log import log_to
from winnow.pruning import density
from winnow.scratch import local_copy

log_to(snakemake.log[0])
device = claim_device(snakemake.params.device, snakemake.resources.get("jobs_per_gpu", 1))
seed, n = int(snakemake.wildcards.seed), int(snakemake.wildcards.round)
before = store.read_mask(snakemake.input.mask)
mask, curve = prune_imp_round(
    store.read_parameters(snakemake.input.rewind),
    before,
    store.open_dataset(local_copy(snakemake.input.dataset)),
    seed=seed,
    n=n,
    settings=TrainingSettings(**snakemake.params.training),
    device=device,
    **snakemake.params.pruning,
)
made_with = {key: curve[key][-1] for key in ("device", "engine", "precision")}
run = {"dataset": snakemake.wildcards.dataset, "method": "imp", "seed": seed}
store.write_mask(snakemake.output.mask, mask, made_with=made_with)
store.write_table(
    snakemake.output.training, "training", curve, round=n - 1, density=density(before), made_with=made_with, **run
)
