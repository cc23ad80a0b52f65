"""Copies of datasets on a node's own disk."""

import logging
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from winnow.job import scratch
from winnow.store.atomic import StoreError
from winnow.store.datasets import open_dataset


@pytest.fixture
def node(tmp_path, monkeypatch):
    """A node's scratch folder, as `compute.scratch` names it."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("NODE_DISK", str(folder))
    monkeypatch.setenv(scratch.VARIABLE, "$NODE_DISK")
    return folder


def test_without_the_setting_the_dataset_is_read_where_it_is(tmp_path, monkeypatch):
    monkeypatch.delenv(scratch.VARIABLE, raising=False)
    assert scratch.local_copy(tmp_path / "dataset") == tmp_path / "dataset"


def test_the_copy_is_the_dataset_and_is_made_once(dataset, tmp_path, node):
    copy = scratch.local_copy(tmp_path / "dataset")
    assert node in copy.parents
    there = open_dataset(copy)
    np.testing.assert_array_equal(there.train.images, dataset.train.images)
    made = (copy / "facts.json").stat().st_ctime_ns
    assert scratch.local_copy(tmp_path / "dataset") == copy and (copy / "facts.json").stat().st_ctime_ns == made


def test_jobs_that_come_at_once_share_one_copy(dataset, tmp_path, node):
    with ProcessPoolExecutor(4, mp_context=get_context("fork")) as jobs:
        copies = set(jobs.map(scratch.local_copy, [tmp_path / "dataset"] * 8))
    assert len(copies) == 1
    assert sorted(path.suffix for path in next(iter(copies)).parent.iterdir()) == ["", ".lock"]


def test_a_dataset_that_was_made_anew_is_copied_anew(dataset, tmp_path, node):
    first = scratch.local_copy(tmp_path / "dataset")
    facts = tmp_path / "dataset/facts.json"
    facts.write_bytes(facts.read_bytes() + b" ")
    assert scratch.local_copy(tmp_path / "dataset") != first


def test_a_damaged_copy_is_noticed(dataset, tmp_path, node):
    copy = scratch.local_copy(tmp_path / "dataset")
    images = copy / "train_images.npy"
    content = bytearray(images.read_bytes())
    content[-1] ^= 1
    images.write_bytes(content)
    with pytest.raises(StoreError, match="checksum"):
        open_dataset(copy).train.images  # noqa: B018


@pytest.mark.parametrize("fault", ["no variable", "no folder", "another's folder", "no dataset"])
def test_where_no_copy_can_be_made_the_dataset_is_read_where_it_is(dataset, tmp_path, node, monkeypatch, caplog, fault):
    folder = tmp_path / ("nothing" if fault == "no dataset" else "dataset")
    if fault == "no variable":
        monkeypatch.delenv("NODE_DISK")
    elif fault == "no folder":
        node.rmdir()
    elif fault == "another's folder":
        (node / f"winnow-{os.getuid()}").mkdir()
        (node / f"winnow-{os.getuid()}").chmod(0o777)
    with caplog.at_level(logging.WARNING):
        assert scratch.local_copy(folder) == folder
    assert "compute.scratch ($NODE_DISK)" in caplog.text and "read where it is" in caplog.text
