"""Train the dense network."""

from winnow import store
from winnow.devices import resolve_device
from winnow.imp import TrainingSettings, train_dense
from winnow.log import log_to

log_to(snakemake.log[0])
seed = int(snakemake.wildcards.seed)
rewind, trained, curve = train_dense(
    store.open_dataset(snakemake.input.dataset),
    seed=seed,
    settings=TrainingSettings(**snakemake.params.training),
    device=resolve_device(snakemake.params.device),
    **snakemake.params.network,
)
run = {"dataset": snakemake.wildcards.dataset, "method": "imp", "seed": seed, "round": 0, "density": 1.0}
store.write_parameters(snakemake.output.rewind, rewind)
store.write_parameters(snakemake.output.trained, trained)
store.write_table(snakemake.output.training, "training", curve, **run)
