"""What the tests share: their groups and order, a small dataset with some structure, runs of the tiny experiment."""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Small networks are slower on many threads; set before numpy and torch start theirs.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shell that starts the tests in the background has them ignore Ctrl-C, and with them all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

import numpy as np
import pytest
from hypothesis import settings

import groups
from examples import ALL, FEW
from project import Project, copy_project
from winnow.store.datasets import Dataset, new_dataset, open_dataset


def pytest_configure(config: pytest.Config) -> None:
    """Fewer examples of each property where only the fast tests are asked for."""
    if not config.getoption("--hypothesis-profile", None):
        settings.load_profile(FEW if config.option.markexpr == "not slow" else ALL)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark the slow groups, before `-m` chooses; then what protects most comes first."""
    for item in items:
        group = groups.group_of(item)
        for name in ["slow", group] if group else []:
            item.add_marker(name)
    yield
    items.sort(key=groups.rank)


_running: list[pytest.Item] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    _running[:] = [item]
    try:
        return (yield)
    finally:
        _running.clear()


def _no_whole_runs_among_fast_tests(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen" and _running and not _running[0].get_closest_marker("slow"):
        program, command = arguments[:2]
        words = [os.fsdecode(word) for word in (program, *([command] if isinstance(command, str) else command))]
        assert "snakemake" not in [Path(word).name for word in words], "a test that starts Snakemake is slow"


sys.addaudithook(_no_whole_runs_among_fast_tests)


def make_dataset(
    folder: Path, *, shape=(3, 6, 6), n_classes=4, n_train=80, n_validation=40, dtype=np.uint8, seed=0
) -> Dataset:
    """A dataset whose classes differ in their mean image."""
    draw = np.random.default_rng(seed)
    n_inputs = int(np.prod(shape))
    means = draw.uniform(40, 215, (n_classes, n_inputs))
    with new_dataset(
        folder,
        shape=shape,
        classes=[f"class {k}" for k in range(n_classes)],
        n_train=n_train,
        n_validation=n_validation,
        dtype=dtype,
        pixel_scale=255.0,
        source={"source": "test"},
    ) as splits:
        for split in splits:
            split.labels[:] = np.arange(len(split.labels)) % n_classes
            images = means[split.labels] + draw.normal(0, 40, split.images.shape)
            split.images[:] = np.clip(images, 0, 255).astype(dtype)
    return open_dataset(folder)


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    return make_dataset(tmp_path / "dataset")


@pytest.fixture
def fresh(tmp_path) -> Project:
    """A project in which nothing has run."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Project:
    """A project in which the tiny experiment has run to its end; tests must leave it so."""
    project = copy_project(tmp_path_factory.mktemp("finished") / "project")
    project.snakemake("--cores", "8")
    return project


@pytest.fixture
def continued(finished, tmp_path) -> Project:
    """A copy of the finished project, to change and run on."""
    shutil.copytree(finished.folder, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project")
