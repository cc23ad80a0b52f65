"""Train a masked network from the rewind point, for its training curve."""

from winnow import store
from winnow.devices import claim_device
from winnow.imp import TrainingSettings, retrain_pruned
from winnow.log import log_to
from winnow.pruning import density
from winnow.scratch import local_copy

log_to(snakemake.log[0])
device = claim_device(snakemake.params.device, snakemake.resources.get("jobs_per_gpu", 1))
seed, n = int(snakemake.wildcards.seed), int(snakemake.wildcards.round)
mask = store.read_mask(snakemake.input.mask)
curve = retrain_pruned(
    store.read_parameters(snakemake.input.rewind),
    mask,
    store.open_dataset(local_copy(snakemake.input.dataset)),
    seed=seed,
    n=n,
    settings=TrainingSettings(**snakemake.params.training),
    device=device,
)
made_with = {key: curve[key][-1] for key in ("device", "engine", "precision")}
run = {"dataset": snakemake.wildcards.dataset, "method": snakemake.wildcards.method, "seed": seed}
store.write_table(
    snakemake.output.training, "training", curve, round=n, density=density(mask), made_with=made_with, **run
)
