"""CIFAR-10 and CIFAR-100 from archive and folder, and what is refused."""

import hashlib
import io
import itertools
import os
import pickle
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from winnow.datasets import cifar
from winnow.datasets.files.cifar import CIFAR10, CIFAR100, CifarEdition
from winnow.datasets.files.names import SourceError
from winnow.datasets.prepare import prepare_dataset
from winnow.store.datasets import Dataset, open_dataset

CLASSES = [f"class {k}" for k in range(10)]


def batch(n: int, seed: int, **labels: int) -> dict:
    rng = np.random.default_rng(seed)
    held = {"data": rng.integers(0, 256, (n, 3072), np.uint8), "filenames": ["x.png"] * n, "batch_label": "some batch"}
    return {**held, **{key: rng.permutation(np.arange(n) % number).tolist() for key, number in labels.items()}}


def cifar10() -> dict[str, dict]:
    batches = {name: batch(20, seed, labels=10) for seed, name in enumerate((*CIFAR10.train, CIFAR10.validation))}
    return {**batches, "batches.meta": {"label_names": CLASSES, "num_vis": 3072}}


def cifar100() -> dict[str, dict]:
    numbers = {"fine_labels": 100, "coarse_labels": 20}
    names = {
        "fine_label_names": [f"fine {k}" for k in range(100)],
        "coarse_label_names": [f"coarse {k}" for k in range(20)],
    }
    return {"train": batch(300, 0, **numbers), "test": batch(100, 1, **numbers), "meta": names}


def save(folder: Path, held: dict[str, dict]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in held.items():
        (folder / name).write_bytes(pickle.dumps(content, 2))
    return folder


def pack(path: Path, held: dict[str, dict], edition: CifarEdition, *folders: str) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for folder, (name, content) in itertools.product(
            folders or [edition.folder], {**held, "readme.html": "x"}.items()
        ):
            data = pickle.dumps(content, 2)
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def prepare(tmp_path: Path, path: Path, source: str = "cifar10", **settings) -> Dataset:
    prepare_dataset(tmp_path / "dataset", source=source, name="small", path=str(path), **settings)
    return open_dataset(tmp_path / "dataset")


def fault(tmp_path: Path, path: Path, **settings) -> str:
    with pytest.raises(SourceError) as error:
        prepare(tmp_path, path, **settings)
    assert not (tmp_path / "dataset").exists()
    return str(error.value)


@pytest.mark.parametrize("form", ["folder", "folder above", "archive"])
def test_cifar10(tmp_path, form):
    held = cifar10()
    if form == "archive":
        path = pack(tmp_path / "small.tar.gz", held, CIFAR10)
    else:
        path = save(tmp_path / CIFAR10.folder, held)
        path = path.parent if form == "folder above" else path
    dataset = prepare(tmp_path, path)
    images = np.concatenate([held[name]["data"] for name in CIFAR10.train])
    labels = np.concatenate([held[name]["labels"] for name in CIFAR10.train])
    order = np.argsort(labels, kind="stable")
    np.testing.assert_array_equal(dataset.train.images, images[order])
    np.testing.assert_array_equal(dataset.train.labels, labels[order])
    order = np.argsort(held["test_batch"]["labels"], kind="stable")
    np.testing.assert_array_equal(dataset.validation.images, held["test_batch"]["data"][order])
    assert dataset.classes == tuple(CLASSES) and dataset.shape == (3, 32, 32) and dataset.pixel_scale == 255


@pytest.mark.parametrize(
    "folder", [f"./{CIFAR10.folder}", "mine", f"/home/x/{CIFAR10.folder}", f"a/../{CIFAR10.folder}", ".", r"a\b"]
)
def test_an_archive_that_was_packed_again(tmp_path, folder):
    held = cifar10()
    dataset = prepare(tmp_path, pack(tmp_path / "x.tar.gz", held, CIFAR10, folder))
    assert (len(dataset.train.images), len(dataset.validation.images)) == (100, 20)
    del held["data_batch_4"]
    path = pack(tmp_path / "y.tar.gz", held, CIFAR10, folder)
    with pytest.raises(SourceError, match=r"y.tar.gz: the archive lacks \S*data_batch_4; get"):
        prepare_dataset(tmp_path / "y", source="cifar10", name="small", path=str(path))


def test_an_archive_with_other_files_of_the_same_names(tmp_path):
    held = cifar100()
    path = pack(tmp_path / "x.tar.gz", held, CIFAR100, CIFAR100.folder, "elsewhere")
    assert len(prepare(tmp_path, path, "cifar100").train.images) == 300


def test_batches_that_python_3_has_pickled_again(tmp_path):
    held = {name: {key.encode(): value for key, value in batch.items()} for name, batch in cifar10().items()}
    held["batches.meta"][b"label_names"] = [name.encode() for name in CLASSES]
    for name in held:
        if b"labels" in held[name]:
            held[name][b"labels"] = [np.int64(label) for label in held[name][b"labels"]]
    folder = tmp_path / "x"
    folder.mkdir()
    for name, content in held.items():
        (folder / name).write_bytes(pickle.dumps(content, 5))
    dataset = prepare(tmp_path, folder)
    assert dataset.classes == tuple(CLASSES) and len(dataset.train.images) == 100


@pytest.mark.parametrize(("labels", "number"), [("fine", 100), ("coarse", 20)])
def test_cifar100(tmp_path, labels, number):
    held = cifar100()
    dataset = prepare(tmp_path, save(tmp_path / "x", held), "cifar100", labels=labels, max_train_per_class=2)
    assert dataset.classes == tuple(f"{labels} {k}" for k in range(number))
    given = np.array(held["train"][f"{labels}_labels"])
    rows = [row for k in range(number) for row in np.flatnonzero(given == k)[:2]]
    np.testing.assert_array_equal(dataset.train.images, held["train"]["data"][rows])
    np.testing.assert_array_equal(dataset.train.labels, given[rows])
    assert dataset.source["labels"] == labels


def test_all_faults_are_named_at_once(tmp_path):
    held = cifar10()
    held["data_batch_2"] = held["data_batch_1"]
    held["data_batch_3"] = {**held["data_batch_3"], "labels": [10] * 20}
    del held["data_batch_4"]["data"]
    lines = fault(tmp_path, save(tmp_path / "x", held)).splitlines()
    assert [line.split(";")[0] for line in lines] == [
        "data_batch_2: holds the same images as data_batch_1",
        "data_batch_3: labels run from 10 to 10",
        "data_batch_4: has no 'data', only 'filenames', 'batch_label', 'labels'",
    ]


def test_missing_files(tmp_path):
    said = fault(tmp_path, tmp_path / "nowhere")
    assert "there is no file or folder" in said and "cifar-10-python.tar.gz" in said and "Toronto" in said
    held = cifar10()
    del held["data_batch_5"], held["batches.meta"]
    assert "lacks data_batch_5, batches.meta" in fault(tmp_path, save(tmp_path / "x", held))
    said = fault(tmp_path, pack(tmp_path / "some.tar.gz", held, CIFAR10))
    assert "lacks cifar-10-batches-py/data_batch_5, cifar-10-batches-py/batches.meta" in said
    held = cifar10()
    held["batches.meta"] = {"label_names": "airplane"}
    assert fault(tmp_path, save(tmp_path / "y", held)).startswith("batches.meta: has no 'label_names'")


def test_the_published_checksum(tmp_path, monkeypatch):
    path = pack(tmp_path / "cifar-10-python.tar.gz", cifar10(), CIFAR10)
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    said = fault(tmp_path, path)
    assert f"has the MD5 sum {md5}" in said and "c58f30108f718f92721af3b95e74349a" in said
    monkeypatch.setattr(cifar, "CIFAR10", replace(CIFAR10, md5=md5))
    prepare(tmp_path, path)


@pytest.mark.parametrize("cut", [0, 100, 20_000])
def test_damaged_archives(tmp_path, cut):
    path = pack(tmp_path / "x.tar.gz", cifar10(), CIFAR10)
    path.write_bytes(path.read_bytes()[:cut])
    assert fault(tmp_path, path).startswith(f"{path}: ")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_nothing_is_followed_out_of_the_archive(tmp_path, kind):
    (tmp_path / "secret").write_bytes(pickle.dumps({"label_names": CLASSES}, 2))
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        for name in CIFAR10.files:
            member = tarfile.TarInfo(f"{CIFAR10.folder}/{name}")
            member.type, member.linkname = kind, str(tmp_path / "secret")
            archive.addfile(member)
        archive.addfile(tarfile.TarInfo("../../outside"))
    before = sorted(tmp_path.rglob("*"))
    assert "the archive lacks" in fault(tmp_path, path)
    assert sorted(tmp_path.rglob("*")) == before


def test_oversize_members(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar, "_MOST_BYTES", 10_000)
    for path in (pack(tmp_path / "x.tar.gz", cifar10(), CIFAR10), save(tmp_path / "x", cifar10())):
        assert "data_batch_1: has " in fault(tmp_path, path)


def test_no_pickle_is_run(tmp_path):
    class Calls:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "canary"),)

    held = cifar100()
    held["meta"] = Calls()
    assert "meta: would call posix.mkdir" in fault(tmp_path, save(tmp_path / "x", held), source="cifar100")
    assert not (tmp_path / "canary").exists()
    assert CIFAR100.files == ("train", "test", "meta")
