"""The same numbers whatever the number of threads, the order of jobs and the scheduler.

Training's threads are in training/test_engines.py, the clone's in test_clone.py.
"""

import os
import shutil
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from measure.small import photo_like
from winnow.masks import full_mask, with_full_mask
from winnow.measure.cavity import measure_cavity
from winnow.measure.components import measure_components
from winnow.measure.kurtosis import measure_kurtosis
from winnow.measure.locality import measure_locality
from winnow.network import initial_parameters
from winnow.pruning.random import prune_random

SHAPE, HIDDEN = (3, 16, 16), [256, 128]


def same_bytes(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(
        np.asarray(one[k]).tobytes() == np.asarray(other[k]).tobytes() for k in one
    )


def test_statistics_depend_on_threads_by_rounding_alone():
    dataset = photo_like(1500, SHAPE, 5, seed=0)
    parameters = initial_parameters([768, *HIDDEN, 5], 0)
    random = [{name: np.random.default_rng(0).random(m.shape) < 0.5 for name, m in full_mask(parameters).items()}]
    masks = with_full_mask(prune_random(random, 0))

    def measure(n_threads: int) -> list[dict]:
        with threadpool_limits(n_threads):
            kurtosis = measure_kurtosis(parameters, masks, dataset)
            return [
                measure_locality(masks, SHAPE).units,
                kurtosis.by_unit,
                kurtosis.by_class,
                measure_cavity(parameters, masks, dataset),
                measure_components(dataset, number=8),
            ]

    locality, *one = measure(1)
    locality_again, *other = measure(2)
    assert same_bytes(locality, locality_again)
    for table, again in zip(one, other, strict=True):
        for name, column in table.items():
            values = np.asarray(column, float)
            scale = np.sqrt(np.nanmean(values**2))
            np.testing.assert_allclose(np.asarray(again[name], float), values, rtol=1e-4, atol=1e-4 * scale)


def take_over(results: Path, to: Path, folders: list[str]) -> None:
    """Copy some results, all with the present time: none is older than what it was made of."""
    for folder in folders:
        shutil.copytree(results / folder, to / folder)
    now = time.time()
    for path in (path for folder in folders for path in (to / folder).rglob("*")):
        os.utime(path, (now, now))


def test_another_number_of_cores_and_another_order_give_the_same_bytes(finished, fresh, monkeypatch):
    """All of the second seed, and what is made of both, is computed again; the first seed's runs are taken over."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")  # Snakemake sets its own for each job
    one_core = ["--cores", "1"]
    fresh.snakemake(*one_core, "results/tiny/data/photos-clone")
    run = "results/tiny/runs/photos/seed1"
    targets = [
        f"{run}/random/cavity.parquet",
        f"{run}/imp/kurtosis_by_class.parquet",
        f"{run}/oneshot/locality.parquet",
    ]
    others = ["--scheduler", "ilp", "--prioritize", targets[-1], "--config", "compute={training_threads: 2}"]
    fresh.snakemake("--cores", "2", *targets, *others)
    tiny = Path("results", "tiny")
    take_over(finished.folder / tiny, fresh.folder / tiny, ["runs/photos/seed0", "runs/photos-clone/seed0"])
    fresh.snakemake(*one_core)
    trained = sorted(path.stem for path in (fresh.folder / tiny / "logs/train_dense").iterdir())
    assert trained == ["photos-clone_seed1", "photos_seed1"]
    for pattern in ("**/*.parquet", "**/*.safetensors", "data/**/*.npy", "figures/*", "claims.csv"):
        assert fresh.results(pattern) == finished.results(pattern)
