"""Files that were damaged, and files that cannot be written: nothing wrong is read, nothing half-written stays."""

import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_store import RUN, UNITS, new

from conftest import make_dataset
from project import SCRIPTS
from winnow.network import initial_parameters
from winnow.store.atomic import StoreError, write_bytes
from winnow.store.datasets import open_dataset
from winnow.store.schemas import SCHEMAS
from winnow.store.tables import read_table, write_table
from winnow.store.tensors import read_arrays, read_mask, read_parameters, write_arrays, write_mask, write_parameters


@dataclass(frozen=True)
class Kind:
    """A kind of artifact.

    Attributes:
        write: makes one at a path.
        read: reads it whole, as something that `==` compares.
        file: the file in it, where it is a folder.
    """

    write: Callable[[Path], Any]
    read: Callable[[Path], Any]
    file: str = ""


def arrays(values: dict[str, np.ndarray]) -> list[tuple]:
    return [(name, array.dtype.str, array.shape, array.tobytes()) for name, array in values.items()]


def read_dataset(path: Path) -> list:
    dataset = open_dataset(path)
    splits = {
        f"{name} {what}": getattr(getattr(dataset, name), what)
        for name in ("train", "validation")
        for what in ("images", "labels")
    }
    facts = (dataset.shape, dataset.classes, dataset.pixel_scale, dataset.source)
    return [facts, *arrays({**splits, "mean": dataset.mean_image})]


def dataset_kind(file: str) -> Kind:
    return Kind(lambda path: make_dataset(path, shape=(1, 3, 3), n_train=8, n_validation=4), read_dataset, file)


MASK = {"layers.0.weight": np.random.default_rng(0).random((5, 7)) < 0.5, "layers.0.bias": np.ones(5, bool)}
KINDS = {
    "table": Kind(
        lambda path: write_table(path, "kurtosis_by_unit", UNITS, **RUN),
        lambda path: read_table(path, "kurtosis_by_unit"),
    ),
    "mask": Kind(lambda path: write_mask(path, MASK), lambda path: arrays(read_mask(path))),
    "parameters": Kind(
        lambda path: write_parameters(path, initial_parameters([4, 3, 2], 0)),
        lambda path: arrays(read_parameters(path)),
    ),
    "arrays": Kind(
        lambda path: write_arrays(path, {"pca": np.arange(12.0).reshape(3, 4)}),
        lambda path: arrays(read_arrays(path)),
    ),
    **{
        file: dataset_kind(file)
        for file in (
            "facts.json",
            "mean_image.npy",
            "train_images.npy",
            "train_labels.npy",
            "validation_images.npy",
            "validation_labels.npy",
        )
    },
}


@pytest.fixture(scope="module", params=KINDS)
def artifact(request, tmp_path_factory):
    """One of a kind: how to read it, its file, the file's bytes."""
    kind = KINDS[request.param]
    path = tmp_path_factory.mktemp(re.sub(r"\W", "_", request.param)) / "artifact"
    kind.write(path)
    file = path / kind.file
    return SimpleNamespace(read=lambda: kind.read(path), file=file, content=file.read_bytes())


@pytest.fixture(autouse=True)
def whole_again(request):
    yield
    if "artifact" in request.fixturenames:
        artifact = request.getfixturevalue("artifact")
        artifact.file.write_bytes(artifact.content)


def assert_refused(artifact, content: bytes, what: str) -> None:
    artifact.file.write_bytes(content)
    assert_not_read(artifact, what)


def assert_not_read(artifact, what: str) -> None:
    try:  # `pytest.raises` takes longer than what is tested here some thousand times
        artifact.read()
    except StoreError as error:
        said = str(error)
        assert said.startswith(f"{artifact.file}: ") and "delete" in said and said.endswith("run Snakemake again"), said
    else:
        pytest.fail(f"read in spite of {what}")


@pytest.fixture
def pretend(artifact, monkeypatch):
    """Let the artifact's file seem to have another content: faster than to write one."""
    opened, content = Path.open, [artifact.content]

    def open_pretended(path: Path, *args: Any, **kwargs: Any) -> Any:
        return io.BytesIO(content[0]) if path == artifact.file else opened(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", open_pretended)
    return lambda other: content.__setitem__(0, other)


def test_a_whole_file_is_read(artifact):
    assert artifact.read() == artifact.read()


def test_any_flipped_byte_is_noticed(artifact, pretend):
    for place in range(len(artifact.content)):
        damaged = bytearray(artifact.content)
        damaged[place] ^= 1 + place % 255
        pretend(bytes(damaged))
        assert_not_read(artifact, f"damage of byte {place}")


def test_a_file_cut_off_anywhere_is_noticed(artifact, pretend):
    for length in range(len(artifact.content)):
        pretend(artifact.content[:length])
        assert_not_read(artifact, f"being cut off at {length} bytes")


@given(data=st.data())
def test_any_other_damage_is_noticed(artifact, data):
    """Some bytes replaced by any others, be they fewer or more."""
    start = data.draw(st.integers(0, len(artifact.content)))
    end = data.draw(st.integers(start, min(start + 40, len(artifact.content))))
    damaged = artifact.content[:start] + data.draw(st.binary(max_size=40)) + artifact.content[end:]
    if damaged != artifact.content:
        assert_refused(artifact, damaged, "patched")


@pytest.mark.parametrize("other", KINDS)
def test_a_file_of_another_kind_is_refused(artifact, other, tmp_path):
    KINDS[other].write(tmp_path / "other")
    content = (tmp_path / "other" / KINDS[other].file).read_bytes()
    if content != artifact.content:
        assert_refused(artifact, content, other)


def test_a_text_is_refused(artifact):
    assert_refused(artifact, b"not such a file " * 40, "text")


def test_a_missing_file_is_named(artifact):
    artifact.file.unlink()
    with pytest.raises(StoreError, match=f"^{re.escape(str(artifact.file))}: is missing"):
        artifact.read()


def test_a_folder_in_place_of_a_file_is_named(artifact):
    artifact.file.unlink()
    artifact.file.mkdir()
    try:
        with pytest.raises(StoreError, match=f"^{re.escape(str(artifact.file))}: cannot be read .*directory"):
            artifact.read()
    finally:
        artifact.file.rmdir()


def test_a_file_that_may_not_be_read_is_named(artifact, monkeypatch):
    # The tests may run as root, who may read all.
    opened = Path.open

    def refuse(path: Path, *args: Any, **kwargs: Any) -> Any:
        if path == artifact.file:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(StoreError, match=f"^{re.escape(str(artifact.file))}: may not be read"):
        artifact.read()


def test_only_what_is_used_is_compared(tmp_path):
    make_dataset(tmp_path / "d")
    (tmp_path / "d/train_images.npy").write_bytes(b"damaged")
    dataset = open_dataset(tmp_path / "d")
    assert len(dataset.validation.images) and len(dataset.train.labels)
    with pytest.raises(StoreError, match=r"train_images\.npy: does not match its checksum"):
        _ = dataset.train.images


def test_a_table_of_earlier_columns_is_refused(tmp_path, monkeypatch):
    earlier = SCHEMAS["kurtosis_by_unit"].remove(5)
    with monkeypatch.context() as patch:
        patch.setitem(SCHEMAS, "kurtosis_by_unit", earlier)
        write_table(tmp_path / "t", "kurtosis_by_unit", {"kurtosis": [3.0]}, **RUN)
    with pytest.raises(StoreError, match="t: has not the columns that a table 'kurtosis_by_unit' has in this version"):
        read_table(tmp_path / "t", "kurtosis_by_unit")


def test_a_name_that_reads_like_a_checksum_is_refused(tmp_path):
    with (
        pytest.raises(StoreError, match="d: a name in it reads like a checksum"),
        new(tmp_path / "d", classes=["xxh3_128:" + "a" * 32]),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


# -- what cannot be written -------------------------------------------------------------------------------------------


def failing(monkeypatch, call: str, number: int) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(call, fail)


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (
            errno.ENOSPC,
            r"its disk is full, it needs \d+\.\d\d [kM]B and [\d.]+ .B are free; make room and run Snakemake again",
        ),
        (errno.EDQUOT, "the quota of its disk is used up, it needs .*; make room"),
        (errno.EROFS, "Read-only file system in the folder .*; make it writable"),
        (errno.EACCES, "Permission denied in the folder .*; make it writable"),
        (errno.EIO, "Input/output error"),
    ],
)
@pytest.mark.parametrize("kind", ["table", "mask", "parameters", "arrays"])
def test_a_file_that_cannot_be_written_is_named_and_the_old_one_stays(tmp_path, monkeypatch, kind, number, message):
    path = tmp_path / "artifact"
    KINDS[kind].write(path)
    before = path.read_bytes()
    failing(monkeypatch, "pathlib.Path.write_bytes", number)
    with pytest.raises(StoreError, match=f"^{re.escape(str(path))}: cannot be written: {message}"):
        KINDS[kind].write(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "call", ["tempfile.mkdtemp", "os.fsync", "os.posix_fallocate", "numpy.save", "pathlib.Path.replace"]
)
def test_a_dataset_that_cannot_be_written_is_named_and_the_old_one_stays_readable(tmp_path, monkeypatch, call):
    make_dataset(tmp_path / "d")
    with monkeypatch.context() as patch:
        failing(patch, call, errno.ENOSPC)
        with pytest.raises(StoreError, match=f"^{re.escape(str(tmp_path / 'd'))}: cannot be written: its disk is full"):
            make_dataset(tmp_path / "d", seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_errors_of_the_sources_are_left_as_they_are(tmp_path):
    with pytest.raises(OSError, match="of the source"), new(tmp_path / "d"):
        raise OSError("of the source")


def test_a_file_does_not_replace_a_folder(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="folder: cannot be written: Is a directory"):
        write_bytes(tmp_path / "folder", b"content")
    assert list((tmp_path / "folder").iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_is_really_full(tmp_path, monkeypatch):
    monkeypatch.setattr("pathlib.Path.write_bytes", lambda path, content: full(content))

    def full(content: bytes) -> None:
        with open("/dev/full", "wb", buffering=0) as disk:  # noqa: PTH123
            disk.write(content)

    with pytest.raises(StoreError, match="its disk is full"):
        write_bytes(tmp_path / "file", b"content")


@pytest.fixture
def order(monkeypatch):
    """What is flushed to the disk (by inode) and renamed, in order."""
    done, replace = [], Path.replace
    monkeypatch.setattr("os.fsync", lambda file: done.append(os.fstat(file).st_ino))
    monkeypatch.setattr(Path, "replace", lambda path, to: (done.append("rename"), replace(path, to)))
    return done


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, order):
    write_bytes(tmp_path / "file", b"content")
    assert order == [(tmp_path / "file").stat().st_ino, "rename", tmp_path.stat().st_ino]


def test_a_dataset_is_on_the_disk_before_it_has_its_name(tmp_path, order):
    make_dataset(tmp_path / "d")
    whole = {path.stat().st_ino for path in [tmp_path / "d", *(tmp_path / "d").iterdir()]}
    assert set(order[:-2]) == whole and order[-2:] == ["rename", tmp_path.stat().st_ino]


# -- processes that are killed, and several at once -------------------------------------------------------------------

WRITE_FILE = """
import sys
from pathlib import Path
from winnow.store.atomic import complete
with complete(Path(sys.argv[1])) as part:
    part.write_bytes(b"half")
    print("writing", flush=True)
    sys.stdin.read()
    part.write_bytes(b"whole")
"""
WRITE_DATASET = """
import sys
from winnow.store.datasets import new_dataset
settings = dict(classes=["a"], n_train=2, n_validation=1, dtype="float32", pixel_scale=1.0, source={})
with new_dataset(sys.argv[1], shape=(1, 2, 2), **settings):
    print("writing", flush=True)
    sys.stdin.read()
"""


def writing(path: Path, code: str = WRITE_FILE) -> subprocess.Popen:
    """A process that writes a file or a dataset and is half-way."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "writing\n"
    return process


@pytest.mark.parametrize("code", [WRITE_FILE, WRITE_DATASET], ids=["file", "dataset"])
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_killed_process_left_is_no_result_and_is_removed(tmp_path, code, sent):
    path = tmp_path / "a [name]"
    killed = writing(path, code)
    killed.send_signal(sent)
    killed.communicate()
    assert not path.exists() and len(list(tmp_path.iterdir())) == 1
    write_bytes(path, b"new")
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == b"new"


def test_two_that_write_the_same_file_do_not_meet(tmp_path):
    path = tmp_path / "file"
    other = writing(path)
    write_bytes(path, b"mine")
    assert path.read_bytes() == b"mine"
    other.communicate("")
    assert other.returncode == 0 and path.read_bytes() == b"whole" and list(tmp_path.iterdir()) == [path]


def test_the_same_content_gives_the_same_bytes(tmp_path):
    for name, kind in KINDS.items():
        for copy in ("a", "b"):
            kind.write(tmp_path / f"{name} {copy}")
        files = [(tmp_path / f"{name} {copy}" / kind.file).read_bytes() for copy in ("a", "b")]
        assert files[0] == files[1], name


def test_descriptions_hold_no_time_and_no_place(tmp_path):
    make_dataset(tmp_path / "d")
    facts = json.loads((tmp_path / "d/facts.json").read_text())
    assert set(facts) == {
        *("kind", "made_with", "checksum", "xxh3_128", "shape", "classes", "pixel_scale", "n_train", "n_validation"),
        "source",
    }
