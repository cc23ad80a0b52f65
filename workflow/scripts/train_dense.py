"""Train the dense network."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.job.devices import claim_device
from winnow.job.scratch import local_copy
from winnow.store.datasets import open_dataset
from winnow.store.tables import write_table
from winnow.store.tensors import write_parameters
from winnow.training.dense import train_dense
from winnow.training.settings import TrainingSettings

device = claim_device(snakemake.params.device, snakemake.resources.get("jobs_per_gpu", 1))
seed = int(snakemake.wildcards.seed)
rewind, trained, curve = train_dense(
    open_dataset(local_copy(snakemake.input.dataset)),
    seed=seed,
    settings=TrainingSettings(**snakemake.params.training),
    device=device,
    **snakemake.params.network,
)
made_with = {key: curve[key][-1] for key in ("device", "engine", "precision")}
run = {"dataset": snakemake.wildcards.dataset, "method": "imp", "seed": seed, "round": 0, "density": 1.0}
write_parameters(snakemake.output.rewind, rewind, made_with=made_with)
write_parameters(snakemake.output.trained, trained, made_with=made_with)
write_table(snakemake.output.training, "training", curve, made_with=made_with, **run)
