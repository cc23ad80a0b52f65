"""The stand-in for ImageNet32: its form, its numbers, and that the two splits share no pixel."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from winnow.datasets import standin
from winnow.datasets.files.imagenet32 import IMAGENET32_TRAIN, IMAGENET32_VALIDATION
from winnow.datasets.files.names import SourceError
from winnow.datasets.standin import class_sizes, draw_images, draw_looks, main, plan_batches, write_standin

SMALL = {"classes": 20, "train": 2003, "validation": 200}


def read(folder: Path, name: str) -> dict:
    return pickle.loads((folder / name).read_bytes())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("standin") / "new"
    main([str(folder), *(f"--{key}={value}" for key, value in SMALL.items())])
    return folder


def test_form(folder):
    assert sorted(path.name for path in folder.iterdir()) == sorted((*IMAGENET32_TRAIN, IMAGENET32_VALIDATION))
    train = [read(folder, name) for name in IMAGENET32_TRAIN]
    assert [len(batch["data"]) for batch in train] == [200] * 9 + [203]
    images = np.concatenate([batch["data"] for batch in train])
    for batch in train:
        assert list(batch) == ["data", "labels", "mean"] and type(batch["labels"][0]) is int
        np.testing.assert_allclose(batch["mean"], images.mean(axis=0))
    assert images.dtype == np.uint8 and images.shape == (2003, 3072)
    assert len(np.unique(images, axis=0)) > 0.99 * len(images)  # but for patches of one colour
    labels = np.concatenate([batch["labels"] for batch in train])
    assert set(labels) == set(range(1, 21)) and all(len(set(batch["labels"])) == 20 for batch in train)
    validation = read(folder, IMAGENET32_VALIDATION)
    assert list(validation) == ["data", "labels"]
    assert list(np.bincount(validation["labels"])[1:]) == [10] * 20


def test_class_sizes_are_imagenets():
    sizes = class_sizes(1000, 1_281_167, 0)
    assert sizes.sum() == 1_281_167 and sizes.max() == 1300 and 732 <= sizes.min() < 800
    assert (sizes < 1300).sum() > 30
    for n in (40, 41, 59, 2003):
        sizes = class_sizes(20, n, 1)
        assert sizes.sum() == n and sizes.min() >= 1


def test_the_seed_decides_all_and_processes_nothing(folder, tmp_path):
    write_standin(tmp_path / "same", **SMALL, processes=1)
    write_standin(tmp_path / "other", **SMALL, seed=1)
    write_standin(tmp_path / "npz", **SMALL, form="npz")
    for name in ("train_data_batch_3", IMAGENET32_VALIDATION):
        assert (tmp_path / "same" / name).read_bytes() == (folder / name).read_bytes()
        assert (tmp_path / "other" / name).read_bytes() != (folder / name).read_bytes()
        with np.load(tmp_path / "npz" / f"{name}.npz", allow_pickle=False) as held:
            assert set(held) == set(read(folder, name))
            for key, value in read(folder, name).items():
                np.testing.assert_array_equal(held[key], value)


def test_splits_share_no_pixel(monkeypatch):
    looks = draw_looks(200, 0)
    # Paint every tile so that a pixel says which column of the tile it is, whatever is done to its brightness.
    columns = np.arange(96, dtype=np.uint8)[None, :, None] // 64 * 255
    painted = [standin.Look(np.broadcast_to(columns, (96, 96, 3)), look.turns) for look in looks]
    for batch in plan_batches(200, 2000, 400, 0):
        images = draw_images(batch, painted, 0)
        assert (np.ptp(images, axis=1) == 0).all()  # of one part alone
        assert ((images[:, 0] > 128) == (batch.name == IMAGENET32_VALIDATION)).all()


def test_classes_can_be_told_apart():
    looks, batches = draw_looks(50, 0), plan_batches(50, 2500, 500, 0)
    train = np.concatenate([draw_images(batch, looks, 0) for batch in batches[:-1]]).astype(float)
    labels = np.concatenate([batch.classes for batch in batches[:-1]])
    held_out = draw_images(batches[-1], looks, 0).astype(float)
    means = np.array([train[labels == k].mean(axis=0) for k in range(50)])
    nearest = ((held_out[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert 0.1 < (nearest == batches[-1].classes).mean() < 0.9  # chance is 0.02; not trivial either


@pytest.mark.parametrize(
    "numbers",
    [
        {"classes": 1},
        {"train": 39},
        {"validation": 190 + 1},
        {"validation": 0},
        {"classes": 100_000, "train": 200_000, "validation": 100_000},
    ],
)
def test_numbers_that_make_no_sense(tmp_path, numbers):
    with pytest.raises(SourceError, match="classes"):
        write_standin(tmp_path / "new", **{**SMALL, **numbers})
    assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten(tmp_path, capsys):
    (tmp_path / "mine").write_text("x")
    with pytest.raises(SystemExit):
        main([str(tmp_path)])
    assert "is not empty; give a new folder" in capsys.readouterr().err
