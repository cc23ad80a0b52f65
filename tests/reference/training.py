"""Training as a textbook has it: modules, `torch.optim.SGD` and its schedulers, `torch.nn.utils.prune` for the mask."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils import prune


def train(
    start, mask, dataset, batches, steps, *, rate, norm_keep, norm_epsilon, scheduler=None, momentum=0, weight_decay=0
):
    """The state after the steps, with the names of the parameter files.

    `scheduler` is made of the optimiser before step 0.  A network whose parameters have no `norms` has no batch norm.
    """
    sizes = [start["layers.0.weight"].shape[1]]
    while (name := f"layers.{len(sizes) - 1}.weight") in start:
        sizes.append(start[name].shape[0])
    norms = [nn.BatchNorm1d(n, eps=norm_epsilon, momentum=1 - norm_keep) for n in sizes[:-1]]
    if "norms.0.weight" not in start:
        norms = [nn.Identity() for _ in norms]
    layers = [nn.Linear(n, m) for n, m in pairwise(sizes)]
    modules = {f"{kind}.{i}": m for kind, group in (("norms", norms), ("layers", layers)) for i, m in enumerate(group)}
    for prefix, module in modules.items():
        module.to(torch.from_numpy(start["layers.0.weight"]).dtype)
        for key in ("weight", "bias", "running_mean", "running_var"):
            if f"{prefix}.{key}" in start:
                getattr(module, key).data.copy_(torch.from_numpy(start[f"{prefix}.{key}"]))
    for name, m in (mask or {}).items():
        prefix, key = name.rsplit(".", 1)
        prune.custom_from_mask(modules[prefix], key, torch.from_numpy(m))
    blocks = [module for pair in zip(norms, layers, strict=True) for module in (*pair, nn.ReLU())]
    network = nn.Sequential(*blocks[:-1])
    optimiser = torch.optim.SGD(network.parameters(), lr=rate, momentum=momentum, weight_decay=weight_decay)
    schedule = scheduler(optimiser) if scheduler else None
    for _ in range(steps.start if schedule else 0):
        schedule.step()
    for step in steps:
        x = (torch.from_numpy(dataset.train.images[batches[step]]).float() - torch.from_numpy(dataset.mean_image)) / 255
        loss = nn.functional.cross_entropy(
            network(x.to(network[1].weight.dtype)), torch.from_numpy(dataset.train.labels[batches[step]])
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if schedule:
            schedule.step()
    for name in mask or {}:
        prefix, key = name.rsplit(".", 1)
        prune.remove(modules[prefix], key)  # also brings `weight` up to date with the last step
    return {name: getattr(modules[name.rsplit(".", 1)[0]], name.rsplit(".", 1)[1]).detach().numpy() for name in start}
