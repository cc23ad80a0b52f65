"""Prune the dense network in a single cut to every round's density, by scores of network and data."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.job.devices import claim_device, device_name
from winnow.job.scratch import local_copy
from winnow.pruning.oneshot_network import prune_oneshot_network
from winnow.store.datasets import open_dataset
from winnow.store.tensors import read_parameters, write_mask

device = claim_device(snakemake.params.device, snakemake.resources.get("jobs_per_gpu", 1))
masks = prune_oneshot_network(
    snakemake.params.rounds,
    open_dataset(local_copy(snakemake.input.dataset)),
    rewind=read_parameters(snakemake.input.rewind),
    trained=read_parameters(snakemake.input.trained),
    seed=int(snakemake.wildcards.seed),
    epsilon=snakemake.params.epsilon,
    device=device,
    **snakemake.params.pruning,
)
for path, mask in zip(snakemake.output.masks, masks, strict=True):
    write_mask(path, mask, made_with={"device": device_name(device)})
