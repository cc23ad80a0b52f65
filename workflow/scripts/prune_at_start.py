"""Prune a network before it is trained, to every round's density."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.job.devices import claim_device, device_name
from winnow.job.scratch import local_copy
from winnow.network import initial_network
from winnow.pruning.at_start import prune_at_start
from winnow.store.datasets import open_dataset
from winnow.store.tensors import read_parameters, write_mask

device = claim_device(snakemake.params.device, snakemake.resources.get("jobs_per_gpu", 1))
dataset, seed = open_dataset(local_copy(snakemake.input.dataset)), int(snakemake.wildcards.seed)
initial = snakemake.params.initial
masks = prune_at_start(
    initial_network(dataset, seed, **initial) if initial else read_parameters(snakemake.input.rewind),
    dataset,
    rounds=snakemake.params.rounds,
    seed=seed,
    epsilon=snakemake.params.epsilon,
    device=device,
    **snakemake.params.pruning,
    **snakemake.params.start,
)
for path, mask in zip(snakemake.output.masks, masks, strict=True):
    write_mask(path, mask, made_with={"device": device_name(device)})
