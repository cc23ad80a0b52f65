"""ImageNet32 as it is distributed: what is read, in which order it is written, and what is refused."""

import logging
import pickle
import shutil
import weakref
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.datasets import batches, imagenet32
from winnow.datasets.batches import rows_by_class
from winnow.datasets.files.imagenet32 import IMAGENET32_TRAIN, IMAGENET32_VALIDATION
from winnow.datasets.files.names import SourceError
from winnow.datasets.prepare import prepare_dataset
from winnow.datasets.standin import write_standin
from winnow.store.datasets import Dataset, open_dataset

NAMES = (*IMAGENET32_TRAIN, IMAGENET32_VALIDATION)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small stand-in: 5 classes, 105 training images (the last batch has 15), 10 validation images."""
    folder = tmp_path_factory.mktemp("imagenet32") / "files"
    write_standin(folder, classes=5, train=105, validation=10)
    return folder


@pytest.fixture
def files(made: Path, tmp_path: Path) -> Path:
    """A copy of the stand-in, to be damaged."""
    return shutil.copytree(made, tmp_path / "files")


def prepare(folder: Path, **settings) -> Dataset:
    dataset = folder.parent / "dataset"
    prepare_dataset(dataset, source="imagenet32", name="small", folder=str(folder), **{"classes": 5, **settings})
    return open_dataset(dataset)


def fault(folder: Path, **settings) -> str:
    with pytest.raises(SourceError) as error:
        prepare(folder, **settings)
    assert not (folder.parent / "dataset").exists()
    return str(error.value)


def load(folder: Path, name: str) -> dict:
    return pickle.loads((folder / name).read_bytes())


def save(folder: Path, name: str, held: object) -> None:
    (folder / name).write_bytes(pickle.dumps(held, 3))


def change(folder: Path, name: str, **changes) -> None:
    held = {**load(folder, name), **changes}
    save(folder, name, {key: value for key, value in held.items() if value is not None})


def reference(folder: Path, names, n_classes: int = 5, most: int = 10**9) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels sorted by class, one at a time."""
    pairs = [
        pair
        for name in names
        for held in [load(folder, name)]
        for pair in zip(held["labels"], held["data"], strict=True)
    ]
    chosen = [(k, image) for k in range(n_classes) for image in [x for label, x in pairs if label == k + 1][:most]]
    return np.array([image for _, image in chosen]), np.array([k for k, _ in chosen])


@pytest.mark.parametrize(
    ("change", "n_classes", "most"),
    [
        ({}, 5, (10**9, 10**9)),
        ({"classes": 3}, 3, (10**9, 10**9)),
        ({"max_train_per_class": 4, "max_validation_per_class": 1}, 5, (4, 1)),
    ],
)
def test_images_are_sorted_by_class_in_their_own_order(made, tmp_path, change, n_classes, most):
    prepare_dataset(tmp_path / "d", source="imagenet32", name="x", folder=made, **{"classes": 5, **change})
    dataset = open_dataset(tmp_path / "d")
    for split, names, limit in zip((dataset.train, dataset.validation), (NAMES[:10], NAMES[10:]), most, strict=True):
        images, labels = reference(made, names, n_classes, limit)
        np.testing.assert_array_equal(split.images, images)
        np.testing.assert_array_equal(split.labels, labels)
    assert dataset.classes == tuple("12345"[:n_classes])
    assert dataset.shape == (3, 32, 32) and dataset.pixel_scale == 255 and dataset.train.images.dtype == np.uint8
    assert [batch["images"] for batch in dataset.source["batches"]] == [10] * 9 + [15, 10]


@given(st.lists(st.integers(0, 6)), st.integers(0, 7), st.none() | st.integers(1, 5))
def test_rows_by_class(labels, n_classes, most):
    rows = rows_by_class(np.array(labels, np.int64), n_classes, most)
    by_class = [[i for i, label in enumerate(labels) if label == k][:most] for k in range(n_classes)]
    expected = [i for of_class in by_class for i in of_class]
    assert list(np.argsort(rows, kind="stable")[np.sort(rows) >= 0]) == expected
    assert sorted(rows[rows >= 0]) == list(range(len(expected)))


def test_both_editions_give_the_same_dataset(made, tmp_path):
    (tmp_path / "npz").mkdir()
    for name in NAMES:
        np.savez_compressed(tmp_path / "npz" / name, **load(made, name))
    for folder in ("npz", "pickled"):
        prepare_dataset(
            tmp_path / folder / "d",
            source="imagenet32",
            name="x",
            classes=5,
            folder=made if folder == "pickled" else tmp_path / folder,
        )
    first, second = (open_dataset(tmp_path / folder / "d") for folder in ("npz", "pickled"))
    np.testing.assert_array_equal(first.train.images, second.train.images)
    np.testing.assert_array_equal(first.validation.labels, second.validation.labels)


def test_one_batch_at_a_time(made, tmp_path, monkeypatch):
    alive = []

    class Watched(np.ndarray):
        pass

    def watched(path, side):
        batch = read(path, side)
        assert all(reference() is None for reference in alive), "an earlier batch is still in memory"
        images = batch.images.view(Watched)
        alive.append(weakref.ref(images))
        return batches.Batch(images, batch.labels, batch.mean)

    read = imagenet32.read_batch
    monkeypatch.setattr(imagenet32, "read_batch", watched)
    prepare_dataset(tmp_path / "d", source="imagenet32", name="x", folder=made, classes=5)
    assert len(alive) == 2 * 11


def test_the_originals_number_of_images_is_asked_for_in_the_log(made, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(imagenet32, "N_CLASSES", 5)
    with caplog.at_level(logging.WARNING):
        prepare_dataset(tmp_path / "d", source="imagenet32", name="x", folder=made, classes=5)
    assert "the train split has 105 images, the original data set has 1,281,167" in caplog.text


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_missing_files(files, tmp_path):
    (files / "train_data_batch_7").unlink()
    (files / "val_data").unlink()
    said = fault(files)
    assert "lacks train_data_batch_7, val_data; it is to hold" in said and "image-net.org" in said
    assert "there is no folder" in fault(tmp_path / "nowhere")


def test_all_faults_are_named_at_once(files):
    change(files, "train_data_batch_1", labels=load(files, "train_data_batch_1")["labels"][:-1])
    change(files, "train_data_batch_2", data=load(files, "train_data_batch_2")["data"].astype(np.float32))
    change(files, "train_data_batch_3", labels=[0] * 10)
    change(files, "train_data_batch_4", labels=[1001] * 10)
    change(files, "train_data_batch_5", data=None)
    shutil.copy(files / "train_data_batch_6", files / "train_data_batch_7")
    change(files, "train_data_batch_8", mean=np.zeros(3072))
    content = (files / "train_data_batch_9").read_bytes()
    (files / "train_data_batch_9").write_bytes(content[: len(content) // 2])
    (files / "val_data").write_bytes(b"")
    lines = fault(files).splitlines()
    expected = [
        "train_data_batch_1: holds 10 images but 9 labels",
        "train_data_batch_2: 'data' is an array of float32, shape (10, 3072); it must be a uint8 array",
        "train_data_batch_3: labels run from 0 to 0; they must lie in 1..1000",
        "train_data_batch_4: labels run from 1001 to 1001",
        "train_data_batch_5: has no 'data', only 'labels', 'mean'",
        "train_data_batch_7: holds the same images as train_data_batch_6",
        "train_data_batch_8: has another mean image than train_data_batch_6: not of one data set",
        "train_data_batch_9: is damaged",
        "val_data: has 0 bytes",
    ]
    assert len(lines) == len(expected)
    for line, start in zip(lines, expected, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": np.zeros((10, 3071), np.uint8)}, "shape (10, 3071); it must be"),
        ({"data": np.zeros((0, 3072), np.uint8), "labels": []}, "holds no image"),
        ({"data": [1, 2]}, "'data' is a list"),
        ({"labels": [1.5] * 10}, "'labels' is a list; it must be N whole numbers"),
        ({"labels": np.ones(10)}, "'labels' is an array of float64, shape (10,); it must be N whole numbers"),
        ({"labels": ["1"] * 10}, "it must be N whole numbers"),
        ({"labels": [2**70] * 10}, "it must be N whole numbers"),
        ({"mean": np.zeros(5)}, "'mean' is an array of float64, shape (5,)"),
        ({"mean": np.full(3072, np.nan)}, "3072 finite numbers"),
        ({"labels": None}, "has no 'labels'"),
        ({"data": np.array([len])}, "dtype 'O8'"),
    ],
)
def test_batches_of_another_form(files, changes, message):
    change(files, "train_data_batch_2", **changes)
    (line,) = fault(files).splitlines()
    assert line.startswith("train_data_batch_2: ") and message in line


def test_classes_without_images(files):
    change(files, "val_data", labels=[1, 2, 3, 4, 1, 2, 3, 4, 1, 2])
    advice = "4 classes have images in both splits: to use these, set classes: 4"
    assert fault(files) == f"val_data: no image has label 5; {advice}"
    assert "no image has label 5, 6, 7" in fault(files, classes=20)
    assert prepare(files, classes=4).validation.labels.max() == 3


def test_a_subset_of_every_nth_class(files, caplog):
    for name in NAMES:
        change(files, name, labels=[10 * label - 9 for label in load(files, name)["labels"]])
    said = fault(files, classes=1000)
    assert (
        "no image has label 2, 3, 4, " in said and "5 classes have images in both splits: to use these, set cla" in said
    )
    dataset = prepare(files, classes=5)
    assert dataset.classes == ("1", "11", "21", "31", "41")
    images, labels = reference(files, NAMES[10:], 50)
    np.testing.assert_array_equal(dataset.validation.images, images)
    np.testing.assert_array_equal(dataset.validation.labels, labels // 10)
    assert "passed over: 2, 3, 4, 5, 6, 7, 8, 9, 10, 12 and 26 more" in caplog.text
    shutil.rmtree(files.parent / "dataset")
    assert prepare(files, classes=3).classes == ("1", "11", "21")


def test_imagenet64_under_the_same_names(files):
    assert "'data' is" in fault_of_width(files, 3 * 65**2, 32)
    said = "holds images of 64 x 64 pixels, as ImageNet64 has, not 32 x 32: set side: 64"
    assert said in fault_of_width(files, 3 * 64**2, 32)
    dataset = prepare(files, side=64)
    assert dataset.shape == (3, 64, 64) and dataset.train.images.shape == (105, 12288)
    shutil.rmtree(files.parent / "dataset")
    assert "holds images of 32 x 32 pixels, as ImageNet32 has, not 64 x 64: set side: 32" in fault_of_width(
        files, 3072, 64
    )


def fault_of_width(folder: Path, width: int, side: int) -> str:
    for k, name in enumerate(NAMES):
        n = len(load(folder, name)["labels"])
        change(folder, name, data=np.random.default_rng(k).integers(0, 256, (n, width), np.uint8), mean=None)
    return fault(folder, side=side)


def test_batches_of_different_data_sets(files):
    for name in IMAGENET32_TRAIN:
        change(files, name, mean=np.full(3072, 50.0))
    assert "train_data_batch_1: its mean image differs by up to" in fault(files)
    for name in IMAGENET32_TRAIN:
        change(files, name, mean=None)
    prepare(files)


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06 no archive", b"\x80\x03K\x01.", b"\x93NUMPY"])
def test_npz_files_that_are_none(made, tmp_path, content):
    for name in NAMES:
        np.savez(tmp_path / name, **load(made, name))
    (tmp_path / "val_data.npz").write_bytes(content + b" " * 4000)
    with pytest.raises(SourceError, match=r"^val_data.npz: is damaged or no .npz of arrays"):
        prepare_dataset(tmp_path / "d", source="imagenet32", name="x", folder=tmp_path, classes=5)


def test_npz_files_run_nothing_and_stay_small(tmp_path, monkeypatch):
    monkeypatch.setattr(imagenet32, "_MOST_IMAGES", 3000)
    np.savez(tmp_path / "a.npz", data=np.array([len], object), labels=[1], padding=np.zeros(4000))
    with pytest.raises(SourceError, match=r"^a.npz: is damaged .*allow_pickle=False"):
        imagenet32.read_batch(tmp_path / "a.npz")
    with (
        zipfile.ZipFile(tmp_path / "b.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("data.npy", "w") as file,
    ):
        for _ in range(80):
            file.write(bytes(10**6))
    with pytest.raises(SourceError, match=r"^b.npz: unpacks to 80,000,000 bytes, a batch has at most"):
        imagenet32.read_batch(tmp_path / "b.npz")
