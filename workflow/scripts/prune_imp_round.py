"""Rewind, train with the last round's mask held, prune."""

from winnow import store
from winnow.devices import resolve_device
from winnow.imp import TrainingSettings, prune_imp_round
from winnow.log import log_to
from winnow.pruning import density

log_to(snakemake.log[0])
seed, n = int(snakemake.wildcards.seed), int(snakemake.wildcards.round)
before = store.read_mask(snakemake.input.mask)
mask, curve = prune_imp_round(
    store.read_parameters(snakemake.input.rewind),
    before,
    store.open_dataset(snakemake.input.dataset),
    seed=seed,
    n=n,
    settings=TrainingSettings(**snakemake.params.training),
    device=resolve_device(snakemake.params.device),
    **snakemake.params.pruning,
)
run = {"dataset": snakemake.wildcards.dataset, "method": "imp", "seed": seed}
store.write_mask(snakemake.output.mask, mask)
store.write_table(snakemake.output.training, "training", curve, round=n - 1, density=density(before), **run)
