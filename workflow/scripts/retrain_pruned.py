"""Train a masked network from the rewind point, for its training curve."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.job.devices import claim_device
from winnow.job.scratch import local_copy
from winnow.masks import density
from winnow.pruning.retrain import retrain_pruned
from winnow.store.datasets import open_dataset
from winnow.store.tables import write_table
from winnow.store.tensors import read_mask, read_parameters
from winnow.training.settings import TrainingSettings

device = claim_device(snakemake.params.device, snakemake.resources.get("jobs_per_gpu", 1))
seed, n = int(snakemake.wildcards.seed), int(snakemake.wildcards.round)
mask = read_mask(snakemake.input.mask)
curve = retrain_pruned(
    read_parameters(snakemake.input.rewind),
    mask,
    open_dataset(local_copy(snakemake.input.dataset)),
    seed=seed,
    n=n,
    settings=TrainingSettings(**snakemake.params.training),
    device=device,
)
made_with = {key: curve[key][-1] for key in ("device", "engine", "precision")}
run = {"dataset": snakemake.wildcards.dataset, "method": snakemake.wildcards.method, "seed": seed}
write_table(snakemake.output.training, "training", curve, round=n, density=density(mask), made_with=made_with, **run)
