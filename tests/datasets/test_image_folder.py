"""Folders of images: the two layouts, how images are resized, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from winnow.datasets.files.image_folder import find_class_folders
from winnow.datasets.files.names import SourceError, walk
from winnow.datasets.image_folder import split_files
from winnow.datasets.prepare import prepare_dataset
from winnow.store.datasets import Dataset, open_dataset


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def prepare(tmp_path: Path, folder: Path, **settings) -> Dataset:
    prepare_dataset(tmp_path / "dataset", source="image_folder", name="mine", folder=str(folder), **settings)
    return open_dataset(tmp_path / "dataset")


def fault(tmp_path: Path, folder: Path, **settings) -> str:
    with pytest.raises(SourceError) as error:
        prepare(tmp_path, folder, **settings)
    assert not (tmp_path / "dataset").exists()
    return str(error.value)


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """Two classes of ten images, each of one grey level of its own."""
    for k, name in enumerate(("zebra", "ant")):
        for i in range(10):
            save(tmp_path / f"images/{name}/{i:02}.png", np.full((5, 7), 20 * i + k, np.uint8))
    return tmp_path / "images"


@pytest.mark.parametrize("held_out", ["val", "validation"])
def test_splits_of_the_folders_own(tmp_path, held_out):
    folder = tmp_path / "images"
    pixels = noise(0, 8, 12, 3)
    save(folder / "train/b/2.png", pixels)
    save(folder / "train/b/1.png", noise(1, 4, 4))  # grey
    save(folder / "train/a/deep/x.png", noise(2, 4, 4, 4))  # transparent
    save(folder / "train/a/y.tif", noise(3, 40, 4).astype(np.uint16) * 257)
    save(folder / f"{held_out}/a/x.png", noise(5, 4, 4, 3))
    save(folder / f"{held_out}/b/x.png", noise(6, 4, 4, 3))
    (folder / "train/a/.hidden").write_text("x")
    (folder / "train/.cache").mkdir()
    (folder / "notes.txt").write_text("x")
    dataset = prepare(tmp_path, folder, side=4)
    assert dataset.classes == ("a", "b") and dataset.shape == (3, 4, 4) and dataset.source["shared"] == 0
    assert list(dataset.train.labels) == [0, 0, 1, 1] and list(dataset.validation.labels) == [0, 1]
    # Not square: each axis is shrunk by its own factor, and a pixel is the mean over its box.
    means = pixels.reshape(4, 2, 4, 3, 3).mean(axis=(1, 3)).transpose(2, 0, 1)
    assert np.abs(dataset.train.images[3].reshape(3, 4, 4) - means).max() <= 1
    np.testing.assert_array_equal(dataset.train.images[2].reshape(3, 4, 4)[1], noise(1, 4, 4))
    np.testing.assert_array_equal(dataset.validation.images[1].reshape(3, 4, 4), noise(6, 4, 4, 3).transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("train", "held_out"),
    [
        ("train", "test"),
        ("Train", "Val"),
        ("TRAIN", "TEST"),
        ("training", "validation"),
        ("Training", "Testing"),
        ("train_set", "valid-set"),
        ("train2017", "val2017"),
        ("training data", "test data"),
        ("images_train", "images_val"),
    ],
)
def test_splits_of_other_spellings(tmp_path, train, held_out):
    for split in (train, held_out, "annotations"):
        for name in "ab":
            (tmp_path / split / name).mkdir(parents=True)
    found = find_class_folders(tmp_path)
    assert found.train == {name: tmp_path / train / name for name in "ab"}
    assert found.validation == {name: tmp_path / held_out / name for name in "ab"}


def test_validation_goes_before_test_and_the_usual_spelling_before_others(tmp_path):
    for split in ("train", "training", "val", "test", "valid"):
        for name in "ab":
            (tmp_path / split / name).mkdir(parents=True)
    found = find_class_folders(tmp_path)
    assert found.train["a"] == tmp_path / "train/a" and found.validation["a"] == tmp_path / "val/a"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("Train/a", "Train/b", "c/x"), "has Train/ and neither val/ nor validation/ nor test/: one is to hold the"),
        (("test/a", "test/b", "c/x"), "has test/ but no train/: one is to hold the training images; if 'test' is a cl"),
        (("val/1.png", "a/1.png", "b/1.png"), "has val/ but no train/"),
        (("valid/a", "b/1.png"), "has valid/ but no train/"),
        (("Train/a", "training/a", "val/a"), "has both Train/ and training/: one is to hold the training images"),
        (("train/a", "test1/a", "test2/a", "test3/a"), "has test1/ and test2/ and test3/: one is to hold the valida"),
        (("train/1.png", "val/1.png"), "train' is to hold a folder for each class, two or more; it has 0"),
        (("u\u0308/1.png", "\u00fc/1.png"), "has folders whose names look the same, composed of other characters: ü;"),
    ],
)
def test_what_looks_like_a_split_and_is_none(tmp_path, names, message):
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch() if name.endswith("png") else (tmp_path / name).mkdir()
    with pytest.raises(SourceError) as error:
        find_class_folders(tmp_path)
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["train", "valid", "trainer", "testament", "invalid"])
def test_classes_that_are_called_like_a_split(tmp_path, name):
    for path in (tmp_path / "bus/1.png", tmp_path / name / "1.png"):
        path.parent.mkdir()
        path.touch()
    found = find_class_folders(tmp_path)
    assert set(found.train) == {"bus", name} and found.validation is None


def test_umlauts_are_the_same_however_they_are_composed(tmp_path):
    for k, (one, two) in enumerate((("Bl\u00e4", "\u00fc"), ("Bla\u0308", "u\u0308"))):
        for name in (one, two):
            for i in range(2):
                save(tmp_path / f"in/{('train', 'val')[k]}/{name}/{i}.png", noise(len(name) + 5 * k + i, 4, 4))
    dataset = prepare(tmp_path, tmp_path / "in", side=4)
    assert dataset.classes == ("Bl\u00e4", "\u00fc") and list(dataset.validation.labels) == [0, 0, 1, 1]


LITTER = [
    "Thumbs.db",
    "desktop.ini",
    ".DS_Store",
    "._00.png",
    ".nfs0001",
    "ehthumbs.db",
    "Icon\r",
    "@eaDir/00.png@x.jpg",
]
LITTER += ["$RECYCLE.BIN/x", "System Volume Information/x", "__MACOSX/._00.png", "lost+found/x"]


@pytest.mark.parametrize("name", LITTER)
def test_litter_of_other_systems_is_no_image_and_no_class(tmp_path, classes, name):
    for folder in (classes, classes / "ant"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x")
    assert set(walk(classes)) == {f"{name}/{i:02}.png" for name in ("ant", "zebra") for i in range(10)}
    dataset = prepare(tmp_path, classes, side=2, validation_share=0.3)
    assert dataset.classes == ("ant", "zebra") and len(dataset.train.images) == 14


def test_a_share_is_held_out(tmp_path, classes):
    dataset = prepare(tmp_path, classes, side=2, validation_share=0.3)
    assert dataset.classes == ("ant", "zebra")
    assert list(dataset.train.labels) == [0] * 7 + [1] * 7 and list(dataset.validation.labels) == [0] * 3 + [1] * 3
    shown = [set(split.images.ravel()) for split in (dataset.train, dataset.validation)]
    assert shown[0] | shown[1] == {20 * i + k for i in range(10) for k in range(2)} and not shown[0] & shown[1]
    assert (np.diff(dataset.train.images[:7, 0].astype(int)) > 0).all()  # in the order of their paths


def test_the_seed_decides_what_is_held_out(classes, tmp_path):
    first = split_files(classes, 0.3, ("image folder", "mine", 0))
    assert first == split_files(classes, 0.3, ("image folder", "mine", 0))
    assert first != split_files(classes, 0.3, ("image folder", "mine", 1))
    save(classes / "bee/1.png", noise(0, 4, 4))
    save(classes / "bee/2.png", noise(1, 4, 4))
    save(classes / "bee/3.png", noise(1, 4, 4))
    again = split_files(classes, 0.3, ("image folder", "mine", 0))
    assert {name: again[name] for name in first} == first
    train, validation = again["bee"]
    assert (len(train), len(validation)) == (2, 1)


def test_at_most_so_many(tmp_path, classes):
    dataset = prepare(
        tmp_path, classes, side=2, validation_share=0.3, max_train_per_class=4, max_validation_per_class=1
    )
    assert list(dataset.train.labels) == [0] * 4 + [1] * 4 and list(dataset.validation.labels) == [0, 1]


def test_images_in_both_splits_are_counted(tmp_path, caplog):
    for split in ("train", "val"):
        for name in "ab":
            save(tmp_path / f"images/{split}/{name}/1.png", noise(ord(name), 4, 4))
            save(tmp_path / f"images/{split}/{name}/2.png", noise(len(split) + ord(name), 4, 4))
    assert prepare(tmp_path, tmp_path / "images").source["shared"] == 2
    assert "mine: 2 images are both in the training and the validation split" in caplog.text


def test_files_that_are_no_images_are_all_named(tmp_path, classes):
    (classes / "ant/03.png").write_text("not an image")
    save(classes / "zebra/05.png", noise(0, 60, 60))
    content = (classes / "zebra/05.png").read_bytes()
    (classes / "zebra/05.png").write_bytes(content[: len(content) // 2])
    lines = fault(tmp_path, classes, validation_share=0.3).splitlines()
    starts = {line.split(" (")[0].split(" AVIF")[0] for line in lines}
    assert starts == {f"{classes}/ant/03.png: is not one of", f"{classes}/zebra/05.png: cannot be decoded"}


def test_folders_that_hold_no_classes(tmp_path, classes):
    assert "there is no folder" in fault(tmp_path, tmp_path / "nowhere")
    assert "has no train/ and val/: set validation_share" in fault(tmp_path, classes)
    (tmp_path / "bare").mkdir()
    assert "two or more; it has 0" in fault(tmp_path, tmp_path / "bare")
    (tmp_path / "half/train").mkdir(parents=True)
    assert "neither val/ nor validation/" in fault(tmp_path, tmp_path / "half")
    for name in ("val", "validation"):
        (tmp_path / "half" / name).mkdir()
    assert "both val/ and validation/" in fault(tmp_path, tmp_path / "half")
    for path in ("train/a", "train/b", "val/a", "val/c"):
        (tmp_path / "other" / path).mkdir(parents=True)
    assert "classes in one of train/ and val/ only: b, c" in fault(tmp_path, tmp_path / "other")
    (classes / "zebra/00.png").rename(classes.parent / "x.png")
    for path in list((classes / "zebra").iterdir())[1:]:
        path.unlink()
    assert "class 'zebra' has 0 training images, too few" in fault(tmp_path, classes, validation_share=0.3)
