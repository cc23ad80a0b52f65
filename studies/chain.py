"""One chain of a variant: dense training, IMP's rounds, the baselines, and where their masks lie.

The same functions, streams and numbers as the workflow's steps, in one process: a study trains hundreds of small
networks, and starting a process for each round would take longer than training it.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from winnow.claims.statistics import (
    NothingToCompute,
    chance_width,
    final_width,
    share_clustered,
    share_without_width,
    short_range_order,
)
from winnow.clone.draw import clone_gaussian
from winnow.config.experiment import Config
from winnow.datasets.prepare import prepare_dataset
from winnow.job.versions import VERSIONS
from winnow.measure.locality import measure_locality
from winnow.pruning.imp import prune_imp_round
from winnow.pruning.imp_first_round import prune_imp_first_round
from winnow.pruning.oneshot import prune_oneshot
from winnow.pruning.random import prune_random
from winnow.store.datasets import open_dataset
from winnow.store.tensors import Mask
from winnow.training.dense import train_dense
from winnow.training.settings import TrainingSettings

STATISTICS = {
    "final_width": lambda units, pairs, method: final_width(units, method),
    "median_width": lambda units, pairs, method: final_width(units, method, "median"),
    "chance_width": lambda units, pairs, method: chance_width(units, method),
    "share_without_width": lambda units, pairs, method: share_without_width(units, method),
    "short_range_order": lambda units, pairs, method: short_range_order(pairs, method),
    "share_clustered": lambda units, pairs, method: share_clustered(units, method),
}
"""What is measured of masks, by the functions of `winnow.claims.statistics`."""

STEPS = (
    *("prepare_dataset", "clone_gaussian", "train_dense", "prune_imp_first_round", "prune_imp_round"),
    *("prune_oneshot", "prune_random", "measure_locality"),
)
"""The workflow's steps that a chain is made of."""


def key_of(*parts: object) -> str:
    """A name for results that depend on these parts and on the versions of the steps that make them."""
    versions = {step: VERSIONS[step] for step in STEPS}
    return hashlib.sha256(json.dumps([parts, versions], sort_keys=True, default=str).encode()).hexdigest()[:16]


def data_key(config: Config, clone: bool) -> str:
    """The name of the dataset, or of its clone."""
    name = config.figure_dataset  # the random draws of a dataset depend on its name
    settings = config.datasets[name].model_dump(exclude=None if clone else {"clone"})
    return key_of(name, settings, "clone" if clone else "original")


def prepare(config: Config, clone: bool, folder: Path) -> Path:
    """The dataset of a variant, or its clone, made where it is not there yet."""
    target = folder / data_key(config, clone)
    if target.exists():
        return target
    name = config.figure_dataset
    folder.mkdir(parents=True, exist_ok=True)
    if clone:
        settings = config.clone_of(name).model_dump()
        certificate = folder / f"{target.name}.parquet"
        clone_gaussian(prepare(config, False, folder), target, certificate, name=name, threads=1, **settings)
    else:
        prepare_dataset(target, name=name, **config.datasets[name].model_dump(exclude={"clone"}))
    return target


def run_chain(config: Config, seed: int, clone: bool, data: Path, rounds_measured: Sequence[int]) -> pd.DataFrame:
    """Train and prune one network, and measure the masks.

    Args:
        config: the variant.
        seed: of the run.
        clone: whether on the clone, where only IMP is measured.
        data: folder of the study's datasets.
        rounds_measured: rounds whose masks are measured, besides the last one.

    Returns:
        A row a method and round: density, the `STATISTICS` (NaN where there is nothing to compute), and for IMP the
        validation accuracy of the network that was trained under the mask before.
    """
    dataset = open_dataset(data / data_key(config, clone))
    training, network = config.training.model_dump(), config.network
    settings = TrainingSettings(**training, **network.model_dump(include={"norm_keep", "norm_epsilon"}))
    pruning: dict[str, Any] = config.pruning.model_dump(include={"share", "pool", "criterion"})
    rounds = list(range(1, config.pruning.rounds + 1))
    rewind, trained, curve = train_dense(
        dataset, seed=seed, settings=settings, **network.model_dump(include={"hidden", "initial_weights", "batch_norm"})
    )
    masks = [prune_imp_first_round(rewind=rewind, trained=trained, **pruning)]
    accuracies = [curve["validation_accuracy"][-1]]
    for n in rounds[1:]:
        mask, curve = prune_imp_round(rewind, masks[-1], dataset, seed=seed, n=n, settings=settings, **pruning)
        masks.append(mask)
        accuracies.append(curve["validation_accuracy"][-1])
    measured = sorted({n for n in rounds_measured if n in rounds} | {rounds[-1]})
    methods: dict[str, Sequence[Mask]] = {"imp": masks}
    if not clone:
        methods["oneshot"] = prune_oneshot(rounds, rewind=rewind, trained=trained, **pruning)
        methods["random"] = prune_random(masks, seed)
    rows = []
    for method, of_method in methods.items():
        some = [of_method[n - 1] for n in measured]
        for n, row in zip(measured, measure(some, dataset.shape, method, config, seed), strict=True):
            accuracy = accuracies[n - 1] if method == "imp" else np.nan
            rows.append({"method": method, "round": n, **row, "accuracy_before": accuracy})
    return pd.DataFrame(rows).assign(seed=seed, dataset="clone" if clone else "original")


def measure(
    masks: Sequence[Mask], shape: tuple[int, int, int], method: str, config: Config, seed: int
) -> list[dict[str, float]]:
    """The density and the `STATISTICS` of each mask."""
    tables = measure_locality(masks, shape, seed=seed, **config.locality.model_dump())
    units, pairs = (pd.DataFrame(table).assign(method=method) for table in (tables.units, tables.pair_correlation))
    rows = []
    for place in range(len(masks)):
        of_round = units[units["round"] == place], pairs[pairs["round"] == place]
        row = {"density": float(of_round[0]["density"].iloc[0])}
        for name, statistic in STATISTICS.items():
            try:
                row[name] = statistic(*of_round, method)
            except NothingToCompute:
                row[name] = np.nan
        rows.append(row)
    return rows
