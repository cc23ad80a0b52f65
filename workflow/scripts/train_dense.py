"""Train the dense network."""

from winnow import store
from winnow.devices import claim_device
from winnow.imp import TrainingSettings, train_dense
from winnow.log import log_to
from winnow.scratch import local_copy

log_to(snakemake.log[0])
device = claim_device(snakemake.params.device, snakemake.resources.get("jobs_per_gpu", 1))
seed = int(snakemake.wildcards.seed)
rewind, trained, curve = train_dense(
    store.open_dataset(local_copy(snakemake.input.dataset)),
    seed=seed,
    settings=TrainingSettings(**snakemake.params.training),
    device=device,
    **snakemake.params.network,
)
made_with = {key: curve[key][-1] for key in ("device", "engine", "precision")}
run = {"dataset": snakemake.wildcards.dataset, "method": "imp", "seed": seed, "round": 0, "density": 1.0}
store.write_parameters(snakemake.output.rewind, rewind, made_with=made_with)
store.write_parameters(snakemake.output.trained, trained, made_with=made_with)
store.write_table(snakemake.output.training, "training", curve, made_with=made_with, **run)
