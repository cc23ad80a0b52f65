"""What a person sees who gives the workflow something it cannot use: one clear message each, and never a traceback.

`CONFIG`, `YAML`, `IMAGES` and `MIXED` are tables of case and message; more of them, of single sources and settings, lie
in `config` and `datasets`.
"""

import copy
import datetime
import os
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from conftest import make_dataset
from examples import examples
from winnow.clone.draw import clone_gaussian
from winnow.config.experiment import Config
from winnow.config.parse import parse_config
from winnow.config.words import ConfigError
from winnow.config.yaml_files import check_config_file
from winnow.datasets.files.image_folder import find_class_folders
from winnow.datasets.files.photos import list_photos
from winnow.datasets.prepare import prepare_dataset
from winnow.figures.pictures import mask_pictures
from winnow.job.log import EXPECTED
from winnow.masks import apply_mask, full_mask
from winnow.measure.cavity import measure_cavity
from winnow.measure.components import measure_components
from winnow.measure.kurtosis import measure_kurtosis
from winnow.measure.locality import measure_locality
from winnow.network import initial_parameters
from winnow.pruning.imp import prune_imp_round
from winnow.pruning.imp_first_round import prune_imp_first_round
from winnow.pruning.oneshot import prune_oneshot
from winnow.pruning.random import prune_random
from winnow.pruning.retrain import retrain_pruned
from winnow.pruning.scores import prune_by_score, score_parameters
from winnow.store.datasets import Dataset, open_dataset
from winnow.store.tensors import Mask, Parameters
from winnow.training.settings import TrainingSettings

NAN, INFINITY = float("nan"), float("inf")
GOOD = {
    "experiment": "x",
    "seeds": [0, 1],
    "datasets": {"photos": {"source": "photos"}, "blobs": {"source": "nlgp", "clone": {}}},
}


def changed(path: str, value: object) -> dict:
    raw = copy.deepcopy(GOOD)
    *parents, last = path.split(".")
    section = raw
    for key in parents:
        section = section.setdefault(key, {})
    section[last] = value
    return raw


# -- configurations ---------------------------------------------------------------------------------------------------

CONFIG = [
    # names
    ("experiment", "", "'' may hold letters, digits, - and _ only, and starts and ends with a letter or digit"),
    ("experiment", "-x", "'-x' may hold letters"),
    ("experiment", "..", "'..' may hold letters"),
    ("experiment", "a/b", "'a/b' may hold letters"),
    ("experiment", "a b", "'a b' may hold letters"),
    ("experiment", "x\n", r"'x\n' may hold letters"),
    ("experiment", "größe", "'größe' may hold letters"),
    ("experiment", "link_", "'link_' may hold letters"),
    ("experiment", "link_-x", "'link_-x' may hold letters"),
    ("experiment", "a" * 101, "string should have at most 100 characters"),
    ("experiment", None, "experiment: input should be a valid string; it is None"),
    ("experiment", False, "YAML reads on, off, yes and no as true and false: put text in quotes"),
    ("experiment", datetime.date(2026, 11, 23), "YAML reads 2026-11-23 as a date: put text in quotes"),
    ("datasets", {"../x": {"source": "nlgp"}}, "'../x' may hold letters"),
    (
        "datasets.Photos",
        {"source": "photos"},
        "'photos' and 'Photos' differ in capitals only: some disks give both one",
    ),
    ("datasets.blobs-CLONE", {"source": "photos"}, "'blobs-clone' and 'blobs-CLONE' differ in capitals only"),
    ("datasets", {7: {"source": "photos"}}, "datasets.7: input should be a valid string; it is 7"),
    ("datasets", {True: {"source": "photos"}}, "YAML reads on, off, yes and no as true and false"),
    # sections
    ("datasets", None, "datasets: is to hold settings, `name: value` each; it is None (leave the line out, or indent"),
    ("datasets", ["photos"], "datasets: is to hold settings, `name: value` each; it is ['photos']"),
    ("datasets.photos", "bundled", "datasets.photos: is to hold settings, `name: value` each; it is 'bundled'"),
    ("datasets.blobs.clone", True, "datasets.blobs.clone: is to hold settings, `name: value` each; it is True"),
    ("training", None, "training: is to hold settings, `name: value` each; it is None"),
    ("compute", "cpu", "compute: is to hold settings, `name: value` each; it is 'cpu'"),
    ("Training", {}, "Training: there is no such setting; did you mean 'training'?"),
    ("pruning.criterion", ["magnitude"], "pruning.criterion: input should be a valid string; it is ['magnitude']"),
    # numbers
    ("seeds", [], "seeds: list should have at least 1 item"),
    ("seeds", {0: 1}, "seeds: input should be a valid list; it is {0: 1}"),
    ("seeds", [1.0], "seeds.0: input should be a valid integer; it is 1.0 (a number with a point: write 1)"),
    ("seeds", [True], "seeds.0: input should be a valid integer; it is True (YAML reads on, off, yes and no"),
    ("seeds", ["08"], "seeds.0: input should be a valid integer; it is '08' (text; YAML reads"),
    ("seeds", [2**63], "seeds.0: input should be less than 9223372036854775808"),
    ("training.steps", "0o12", "training.steps: input should be a valid integer; it is '0o12'"),
    ("training.steps", [100], "training.steps: input should be a valid integer; it is [100]"),
    ("training.steps", 10**30, "training.steps: input should be less than or equal to 1000000000"),
    ("training.steps", 10**9, "steps (1000000000) of batch (40) images take 320 GB for the order of the images alone"),
    ("training.rewind", -1, "training.rewind: input should be greater than or equal to 0; it is -1"),
    ("training.rate", INFINITY, "training.rate: input should be a finite number; it is inf"),
    ("training.rate", NAN, "training.rate: input should be a finite number; it is nan"),
    ("training.rate", 1e40, "training.rate: input should be less than or equal to 1000000"),
    ("training.rate", -0.1, "training.rate: input should be greater than 0; it is -0.1"),
    ("network.hidden", [0], "network.hidden.0: input should be greater than or equal to 1; it is 0"),
    ("network.hidden", [[64]], "network.hidden.0: input should be a valid integer; it is [64]"),
    ("network.hidden", [10**8], "network.hidden: a layer of 3072 x 100000000 weights takes 1,229 GB: make it smaller"),
    ("network.norm_keep", 1, "network.norm_keep: input should be less than 1; it is 1"),
    (
        "network.norm_epsilon",
        1e-50,
        "network.norm_epsilon: 1e-50 is lost in single precision where an input is constant",
    ),
    ("pruning.share", 0, "pruning.share: input should be greater than 0; it is 0"),
    ("pruning.share", 1.5, "pruning.share: input should be less than 1; it is 1.5"),
    ("pruning.share", "30%", "pruning.share: input should be a valid number; it is '30%'"),
    (
        "pruning.share",
        1e-12,
        "pruning.share: a round of 1e-12 removes none of 3146752 parameters: prune a larger share",
    ),
    ("pruning.rounds", 0, "pruning.rounds: input should be greater than or equal to 1; it is 0"),
    ("datasets.blobs.gain", INFINITY, "datasets.blobs.gain: input should be a finite number; it is inf"),
    ("datasets.blobs.correlation_lengths", [1.0, 40.0], "correlation_lengths: 40.0 exceeds the side 32"),
    (
        "datasets.blobs.correlation_lengths",
        [2.0, 2.0],
        "correlation_lengths: a length is listed twice; each is a class",
    ),
    ("datasets.blobs.clone.fit_per_class", 1, "fit_per_class: input should be greater than or equal to 2; it is 1"),
    ("datasets.photos.scale", 1.5, "datasets.photos.scale: input should be less than or equal to 1; it is 1.5"),
    # what does not fit together
    (
        "datasets.blobs.validation_per_class",
        32,
        "64 components need more than 64 images, but of the dataset 'blobs' 64",
    ),
    (
        "components.max_images",
        64,
        "components.number: 64 components need more than 64 images, but of the dataset 'photos'",
    ),
    (
        "locality.min_weights",
        1025,
        "locality.min_weights: a unit of dataset 'blobs' has 1024 weights at most: lower it",
    ),
    ("figures.dataset", "blobs-clone", "figures.dataset: there is no dataset 'blobs-clone'; did you mean 'blobs'?"),
    # files
    ("datasets.photos.photos", "", "datasets.photos.photos: string should have at least 1 character"),
    (
        "datasets.photos.photos",
        "a{b}",
        "whose name holds { } < >, a line break, or bytes that are not UTF-8: rename 'a{b}'",
    ),
    ("datasets.c", {"source": "cifar10", "path": "<cifar>"}, "Snakemake takes no file or folder whose name holds"),
    (
        "datasets.i",
        {"source": "image_folder", "folder": "a\0b"},
        "datasets.i.folder: Snakemake takes no file or folder",
    ),
]


@pytest.mark.parametrize(
    ("path", "value", "message"), CONFIG, ids=[f"{path}={str(value)[:20]}" for path, value, _ in CONFIG]
)
def test_a_configuration_that_cannot_be_run(path, value, message):
    with pytest.raises(ConfigError) as error:
        parse_config(changed(path, value), "some.yaml")
    assert str(error.value).startswith("some.yaml: ")
    assert message in str(error.value)


@pytest.mark.parametrize("raw", [None, [GOOD], "text", 7], ids=str)
def test_a_configuration_without_settings(raw):
    with pytest.raises(ConfigError, match=r"^some\.yaml: is to hold settings, `name: value` each; it is "):
        parse_config(raw, "some.yaml")


def test_files_that_cannot_be_looked_at(tmp_path, monkeypatch):
    def no_permission(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "secret")

    (tmp_path / "a").mkdir()
    monkeypatch.setattr(Path, "iterdir", no_permission)
    raw = changed("datasets", {"x": {"source": "image_folder", "folder": str(tmp_path), "validation_share": 0.1}})
    with pytest.raises(ConfigError, match=r"^some\.yaml: secret: Permission denied$"):
        parse_config(raw, "some.yaml")


YAML = [
    ("empty", b"", "is empty; it is to hold lines such as `experiment: demo`"),
    ("comment only", b"# nothing\n", "is empty"),
    ("list at the top", b"- experiment: x\n", "is not made of settings; it is to hold lines such as"),
    ("text at the top", b"hello\n", "is not made of settings"),
    ("tab", b"training:\n\tsteps: 3\n", ", line 2: is not YAML (found character '\\t' that cannot start any token)"),
    ("open bracket", b"seeds: [1, 2\nrest: 3\n", ", line 2: is not YAML (expected ',' or ']'"),
    ("latin-1", "name: größe\n".encode("latin-1"), "is not UTF-8 text (byte 8): save it as UTF-8"),
    ("UTF-16", "name: x\n".encode("utf-16"), "is not UTF-8 text (byte 0)"),
    ("control character", b"name: a\x07b\n", "is not YAML"),
    ("unknown alias", b"a: *b\n", ", line 1: is not YAML (found undefined alias"),
    (
        "section twice",
        b"a: 1\nb:\n  c: 1\na: 2\n",
        ", line 4: a was given in line 1 already, and only one of them counts",
    ),
    ("setting twice", b"b:\n  c: 1\n  c: 1\n", ", line 3: c was given in line 2 already"),
    (
        "setting twice in JSON",
        b'{"b": {"c": 1, "d": [{"e": 0, "e": 1}], "c": 2}}',
        ": 'e' was given twice, and only one",
    ),
    ("section twice in JSON", b'{"a": 1,\t"a": {}}', ": 'a' was given twice, and only one of them counts: remove one"),
    (
        "empty clone",
        b"datasets:\n  photos:\n    clone: # {}\n",
        ", line 3: clone is empty: write `clone: {}` for a clone",
    ),
    ("empty clone in braces", b"datasets: {a: {clone: }}\n", ", line 1: clone is empty: "),
    ("octal", b"seeds: [010]\n", ", line 1: YAML reads 010 as a number to the base 8: leave out the leading 0"),
    ("clock", b"training:\n  steps: 1:30\n", ", line 2: YAML reads 1:30 as a number to the base 60"),
    ("clock with a fraction", b"rate: 1:30.5\n", ", line 1: YAML reads 1:30.5 as a number to the base 60"),
]


@pytest.mark.parametrize(("content", "message"), [case[1:] for case in YAML], ids=[case[0] for case in YAML])
def test_a_file_that_is_not_read_as_it_is_written(tmp_path, content, message):
    path = tmp_path / "some.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        check_config_file(path)
    assert str(error.value).startswith(str(path)) and message in str(error.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"nosuch.yaml: cannot be read \(No such file or directory\)"):
        check_config_file(tmp_path / "nosuch.yaml")


@pytest.mark.parametrize(
    "content",
    [
        "a: 0\nb: {a: 0x10, c: -5, d: 0}\n",
        '{\n\t"a": 1}\n',
        "a: &x {b: 1}\nc: *x\n",
        "a: &x\n  b: *x\n",
        "a: 010.5\nb: '010'\nc: '1:30'\n",
        "a: {clone: null}\nb: {clone: ~}\nc: {clone: {}}\n",
        '{"a": {"clone": null}, "b": {"clone": {}}}',
    ],
    ids=["plain", "JSON with tabs", "alias", "alias of itself", "fraction and quotes", "clones", "JSON with clones"],
)
def test_what_is_read_as_it_is_written_passes(tmp_path, content):
    (tmp_path / "some.yaml").write_text(content, encoding="utf-8")
    check_config_file(tmp_path / "some.yaml")


def test_nothing_is_made_by_reading_a_file(tmp_path):
    path = tmp_path / "some.yaml"
    path.write_text(f"a: !!python/object/apply:os.mkdir ['{tmp_path / 'made'}']\n", encoding="utf-8")
    check_config_file(path)
    assert not (tmp_path / "made").exists()


def test_aliases_do_not_blow_up():
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 20)]
    raw = yaml.safe_load("\n".join([*lines, "seeds: [*a19]", "training: {steps: &s [*s]}", "datasets: &d {d: *d}"]))
    with pytest.raises(ConfigError) as error:
        parse_config(raw, "some.yaml")
    assert len(str(error.value)) < 3000


KEYS = sorted(
    {name for model in (Config, *Config.model_fields.values()) for name in getattr(model, "model_fields", [])}
)
KEYS += ["source", "side", "clone", "per", "steps", "hidden", "rounds", "x", "a-clone", ""]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.dates(),
    st.binary(max_size=3),
    st.sampled_from(["photos", "nlgp", "image_folder", "magnitude", "1e3", "08"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.integers() | st.none(), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=examples(150))
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6))
def test_any_configuration_is_taken_or_refused_in_words(raw):
    for settings_of_it in (raw, {**GOOD, **raw}):
        try:
            parse_config(settings_of_it, "some.yaml")
        except ConfigError as error:
            assert all(line.startswith("some.yaml: ") for line in str(error).splitlines() if line)


@settings(max_examples=examples(150))
@given(st.binary(max_size=60) | st.text(alphabet="ab:- \n\t[]{}&*!#|>'\"01", max_size=60).map(str.encode))
def test_any_bytes_are_taken_or_refused_in_words(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "some.yaml"
    path.write_bytes(content)
    try:
        check_config_file(path)
    except ConfigError as error:
        assert str(error).startswith(str(path))


# -- images -----------------------------------------------------------------------------------------------------------


def png(width: int, height: int, pixels: bytes = b"") -> bytes:
    """A PNG whose header may promise what its pixels do not hold."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def noise(seed: int, side: int = 12) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of four images."""
    for seed in range(8):
        path = tmp_path / "in" / "ab"[seed % 2] / f"{seed}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(seed)).save(path)
    return tmp_path / "in"


def put(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def all_of_one_colour(folder: Path) -> None:
    for path in folder.rglob("*.png"):
        Image.fromarray(np.full((12, 12, 3), 7, np.uint8)).save(path)


def one_a_class(folder: Path) -> None:
    for path in folder.rglob("*.png"):
        if path.stem not in "01":
            path.unlink()


def not_finite(folder: Path) -> None:
    Image.fromarray(np.full((8, 8), NAN, np.float32)).save(folder / "a/x.tif")


NOT_READ = "a/x.png: is not one of AVIF, BMP, GIF, JPEG, JPEG2000, PNG, PPM, TIFF, WEBP; repair or remove it"
IMAGES: list[tuple[str, Callable[[Path], object], str]] = [
    ("no bytes", put("a/x.png", b""), NOT_READ),
    ("text", put("a/x.png", b"hello"), NOT_READ),
    ("program", put("a/x.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), NOT_READ),
    ("no width", put("a/x.png", png(0, 5)), NOT_READ),
    ("no pixels", put("a/x.png", png(9, 9)), "a/x.png: cannot be decoded (OSError: image file is truncated"),
    (
        "truncated",
        lambda f: os.truncate(f / "a/0.png", 300),
        "a/0.png: cannot be decoded (OSError: image file is truncated",
    ),
    ("bomb", put("a/x.png", png(60000, 60000)), "a/x.png: cannot be decoded (DecompressionBombError"),
    ("not a number", not_finite, "a/x.tif: has pixels outside 0..1, so that black and white are not known"),
    ("pipe", lambda f: os.mkfifo(f / "a/x.png"), "a/x.png: is no regular file"),
    ("link to itself", lambda f: (f / "a/x.png").symlink_to("x.png"), "a/x.png: is no regular file"),
    ("link to nothing", lambda f: (f / "a/x.png").symlink_to("nowhere"), "a/x.png: is no regular file"),
    (
        "broken, name not UTF-8",
        lambda f: Path(os.fsdecode(b"%s/a/\xff" % os.fsencode(f))).touch(),
        r"a/\udcff: is not one",
    ),
    (
        "class without images",
        lambda f: (f / "c").mkdir(),
        "class 'c' has 0 training images, too few; add some or remove",
    ),
    ("one image a class", one_a_class, "class 'a' has 0 training images, too few"),
    ("constant images", all_of_one_colour, "dataset d: all 6 training images are the same, pixel by pixel"),
    ("one class", lambda f: (f / "b").rename(f / ".b"), "is to hold a folder for each class, two or more; it has 1"),
]


def prepare(tmp_path: Path, **source: object) -> Dataset:
    prepare_dataset(tmp_path / "dataset", name="d", **source)
    return open_dataset(tmp_path / "dataset")


@pytest.mark.parametrize(("spoil", "message"), [case[1:] for case in IMAGES], ids=[case[0] for case in IMAGES])
def test_images_of_which_no_dataset_is_made(folder, tmp_path, spoil, message):
    spoil(folder)
    with pytest.raises(EXPECTED) as error:
        prepare(tmp_path, source="image_folder", folder=folder, side=4, validation_share=0.3)
    assert message in str(error.value)
    str(error.value).encode()  # it can be logged
    assert not (tmp_path / "dataset").exists()


PHOTOS = {"source": "photos", "side": 4, "tile": 12, "stride": 12, "train_per_class": 4, "validation_per_class": 2}


def test_photographs_of_one_tile_are_one_class(folder, tmp_path):
    for path in folder.rglob("[1-9].png"):
        path.unlink()
    with pytest.raises(ValueError, match="dataset d: has one class only, 'a/0/0,0': there is nothing to tell apart"):
        prepare(tmp_path, photos=folder, **PHOTOS)
    assert not (tmp_path / "dataset").exists()


def test_class_names_are_only_names(folder, tmp_path):
    hostile = ["$\\frac{1", "<script>_", "a\\..\\..", "`rm`; |x"]
    for k, name in enumerate(hostile):
        (folder / name).mkdir()
        for seed in range(4):
            Image.fromarray(noise(10 * k + seed + 10)).save(folder / name / f"{seed}.png")
    strange = Path(os.fsdecode(os.fsencode(folder) + b"/\xff"))
    (folder / "b").rename(strange)
    before = sorted(path for path in tmp_path.iterdir())
    dataset = prepare(tmp_path, source="image_folder", folder=folder, side=4, validation_share=0.3)
    assert set(dataset.classes) == {"a", "\\udcff", *hostile}
    assert sorted(path for path in tmp_path.iterdir()) == sorted([*before, tmp_path / "dataset"])


@pytest.mark.parametrize("name", ["{x}", "<x>", "a\nb", b"\xff"], ids=repr)
@pytest.mark.parametrize("source", ["photos", "image_folder"])
def test_names_that_snakemake_would_take_for_something_else(folder, name, source):
    path = Path(os.fsdecode(os.fsencode(folder) + b"/a/" + os.fsencode(name)))
    path.touch()
    raw = {"source": source, "folder": str(folder), "validation_share": 0.3}
    raw = raw if source == "image_folder" else {"source": source, "photos": str(folder)}
    with pytest.raises(ValueError, match="Snakemake takes no file or folder whose name holds") as error:
        parse_config(changed("datasets", {"x": raw}), "some.yaml").datasets["x"].files()
    str(error.value).encode()


def test_folders_that_cannot_be_listed_are_not_left_out(folder, monkeypatch):
    def listing(path: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", listing)
    with pytest.raises(PermissionError):
        list_photos(folder)


def test_a_loop_of_links_ends(folder):
    (folder / "a/loop").symlink_to("../a")
    (folder / "loop").symlink_to("loop")
    assert set(find_class_folders(folder).train) == {"a", "b"}
    assert len(list_photos(folder)) == 8


# -- files of another experiment --------------------------------------------------------------------------------------

SIZES = [108, 7, 5, 4]
SETTINGS = TrainingSettings(
    steps=4, rewind=1, batch=4, rate=0.1, log_every=2, norm_keep=0.9, norm_epsilon=1e-5, engine="reference"
)
PRUNING = {"share": 0.3, "pool": "layerwise"}
MAGNITUDE = {**PRUNING, "criterion": "magnitude"}


def network(*sizes: int) -> Parameters:
    return initial_parameters(sizes or SIZES, 0)


def masks(*sizes: int, rounds: int = 3) -> list[Mask]:
    parameters = network(*sizes)
    scores = score_parameters(rewind=parameters, trained=parameters, criterion="magnitude")
    found = [full_mask(parameters)]
    for n in range(1, rounds + 1):
        found.append(prune_by_score(scores, found[-1], n, **PRUNING))
    return found


def numbers(mask: Mask) -> Mask:
    return {name: array.astype(np.uint8) for name, array in mask.items()}


def imp_round(parameters: Parameters, mask: Mask, dataset: Dataset) -> object:
    return prune_imp_round(parameters, mask, dataset, seed=0, n=2, settings=SETTINGS, **MAGNITUDE)


def retrain(parameters: Parameters, mask: Mask, dataset: Dataset) -> object:
    return retrain_pruned(parameters, mask, dataset, seed=0, n=2, settings=SETTINGS)


def after_training(size: int) -> dict[str, Parameters]:
    return {"rewind": network(), "trained": network(108, size, 5, 4)}


SAME = "not of the same network"
MIXED: list[tuple[str, Callable[[Dataset], object], str]] = [
    ("round: mask of a wider layer", lambda d: imp_round(network(), masks(108, 9, 5, 4)[1], d), SAME),
    (
        "round: mask of other pixels",
        lambda d: imp_round(network(), masks(48, 7, 5, 4)[1], d),
        r"\(7, 48\) and \(7, 108\)",
    ),
    (
        "round: mask of more layers",
        lambda d: imp_round(network(), masks(108, 7, 5, 5, 4)[1], d),
        "only one has layers.2.bias",
    ),
    (
        "round: mask of fewer layers",
        lambda d: imp_round(network(), masks(108, 7, 4)[1], d),
        "only one has layers.1.bias",
    ),
    (
        "round: mask of numbers",
        lambda d: imp_round(network(), numbers(masks()[1]), d),
        "an array of uint8, not of bool",
    ),
    (
        "round: network of other pixels",
        lambda d: imp_round(network(48, 7, 4), masks(48, 7, 4)[1], d),
        "48 inputs and 4 classes",
    ),
    (
        "round: network of more classes",
        lambda d: imp_round(network(108, 7, 9), masks(108, 7, 9)[1], d),
        "dataset 108 pixels and 4",
    ),
    ("retraining: mask of a wider layer", lambda d: retrain(network(), masks(108, 9, 5, 4)[1], d), SAME),
    (
        "retraining: network of other pixels",
        lambda d: retrain(network(48, 7, 4), masks(48, 7, 4)[1], d),
        "same experiment",
    ),
    ("first round: two networks", lambda d: prune_imp_first_round(**after_training(9), **MAGNITUDE), SAME),
    ("oneshot: two networks", lambda d: prune_oneshot([1], **after_training(9), **MAGNITUDE), SAME),
    (
        "pruning: scores of another network",
        lambda d: prune_by_score(network(), masks()[0], 1, **PRUNING),
        "only one has layers.2",
    ),
    ("applying: mask of another network", lambda d: apply_mask(network(), masks(108, 9, 5, 4)[1]), SAME),
    (
        "random: masks of two networks",
        lambda d: prune_random([masks()[1], masks(108, 9, 5, 4)[2]], 0),
        "mask 1 and mask 0",
    ),
    (
        "random: masks of two runs",
        lambda d: prune_random([masks()[2], masks()[1]], 0),
        r"not nested: m\(1\) has parameters",
    ),
    (
        "locality: masks of two networks",
        lambda d: measure_locality([masks()[0], masks(108, 9, 5, 4)[1]], (3, 6, 6)),
        SAME,
    ),
    ("locality: mask of other pixels", lambda d: measure_locality(masks(48, 7, 4), (3, 6, 6)), r"m\(0\) has 48 inputs"),
    (
        "kurtosis: mask of a wider layer",
        lambda d: measure_kurtosis(network(), masks(108, 9, 5, 4), d),
        r"the weights \(7, 108\)",
    ),
    (
        "kurtosis: network of other pixels",
        lambda d: measure_kurtosis(network(48, 7, 4), masks(48, 7, 4), d),
        "not the same dataset",
    ),
    (
        "cavity: masks of two networks",
        lambda d: measure_cavity(network(), [masks()[0], masks(108, 9, 5, 4)[1]], d),
        SAME,
    ),
    ("cavity: masks of two runs", lambda d: measure_cavity(network(), [masks()[1], masks()[0]], d), "not nested"),
    (
        "cavity: network of a wider layer",
        lambda d: measure_cavity(network(108, 9, 4), masks(), d),
        r"the weights \(9, 108\)",
    ),
    ("picture: mask of other pixels", lambda d: mask_pictures(masks(48, 7, 4)[1], np.arange(2), d.shape), "48 inputs"),
    (
        "components: more than images",
        lambda d: measure_components(d, number=40),
        "40 components need more than 40 images",
    ),
]


@pytest.fixture(scope="module")
def any_dataset(tmp_path_factory) -> Dataset:
    return make_dataset(tmp_path_factory.mktemp("any") / "dataset")


@pytest.mark.parametrize(("attempt", "message"), [case[1:] for case in MIXED], ids=[case[0] for case in MIXED])
def test_files_of_another_experiment(any_dataset, attempt, message):
    with pytest.raises(EXPECTED) as error:
        attempt(any_dataset)
    assert re.search(message, str(error.value)), str(error.value)


def test_a_clone_of_classes_with_one_image(tmp_path):
    make_dataset(tmp_path / "d", n_train=4)
    with pytest.raises(ValueError, match=r"two training images a class .*'class 0' \(1\)"):
        clone_gaussian(tmp_path / "d", tmp_path / "clone", tmp_path / "certificate.parquet", name="d-clone")
    assert not (tmp_path / "clone").exists() and not (tmp_path / "certificate.parquet").exists()


def test_the_tables_are_as_long_as_promised():
    assert len(CONFIG) + len(YAML) + len(IMAGES) + len(MIXED) >= 60
