"""Train at a density while the mask moves."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.job.devices import claim_device
from winnow.job.scratch import local_copy
from winnow.masks import density
from winnow.pruning.while_training import prune_while_training
from winnow.store.datasets import open_dataset
from winnow.store.tables import write_table
from winnow.store.tensors import write_mask
from winnow.training.settings import TrainingSettings

device = claim_device(snakemake.params.device, snakemake.resources.get("jobs_per_gpu", 1))
seed, n = int(snakemake.wildcards.seed), int(snakemake.wildcards.round)
mask, curve = prune_while_training(
    open_dataset(local_copy(snakemake.input.dataset)),
    seed=seed,
    n=n,
    settings=TrainingSettings(**snakemake.params.training),
    device=device,
    **snakemake.params.network,
    **snakemake.params.pruning,
)
made_with = {key: curve[key][-1] for key in ("device", "engine", "precision")}
run = {"dataset": snakemake.wildcards.dataset, "method": snakemake.wildcards.method, "seed": seed}
write_mask(snakemake.output.mask, mask, made_with=made_with)
write_table(snakemake.output.training, "training", curve, round=n, density=density(mask), made_with=made_with, **run)
