import ast
import json
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh3_128

from conftest import make_dataset
from project import SCRIPTS
from winnow.network import initial_parameters
from winnow.store.atomic import StoreError
from winnow.store.datasets import new_dataset, open_dataset
from winnow.store.schemas import SCHEMAS
from winnow.store.sealed import made_with
from winnow.store.tables import gather_tables, read_table, write_table
from winnow.store.tensors import read_mask, read_parameters, write_arrays, write_mask, write_parameters

RUN = {"dataset": "photos", "method": "imp", "seed": 0, "round": 1, "density": 0.7}
UNITS = {"unit": [0, 1], "kurtosis": [3.5, np.nan]}


def left_behind(folder):
    return [path.name for path in folder.rglob(".*")]


def test_every_column_says_what_it_means():
    for name, schema in SCHEMAS.items():
        for field in schema:
            assert field.metadata[b"meaning"] and field.metadata[b"unit"], (name, field.name)


def test_tables_keep_schema_and_turn_nan_into_null(tmp_path):
    write_table(tmp_path / "t.parquet", "kurtosis_by_unit", UNITS, **RUN)
    table = read_table(tmp_path / "t.parquet", "kurtosis_by_unit")
    assert table.column("kurtosis").null_count == 1
    assert table.to_pandas()["density"].tolist() == [0.7, 0.7]
    assert pq.read_schema(tmp_path / "t.parquet").equals(SCHEMAS["kurtosis_by_unit"], check_metadata=True)


def test_gathering_keeps_all_rows_in_order(tmp_path):
    for seed in (1, 0):
        write_table(tmp_path / f"{seed}.parquet", "kurtosis_by_unit", UNITS, **{**RUN, "seed": seed})
    gather_tables([tmp_path / "1.parquet", tmp_path / "0.parquet"], tmp_path / "all.parquet", "kurtosis_by_unit")
    assert read_table(tmp_path / "all.parquet", "kurtosis_by_unit")["seed"].to_pylist() == [1, 1, 0, 0]


def test_gathered_tables_can_be_called_otherwise(tmp_path):
    for seed in (1, 0):
        write_table(tmp_path / f"{seed}.parquet", "kurtosis_by_unit", UNITS, **{**RUN, "seed": seed})
    paths = [tmp_path / "1.parquet", tmp_path / "0.parquet"]
    gather_tables(paths, tmp_path / "all.parquet", "kurtosis_by_unit", datasets=["a@b", "c"])
    gathered = read_table(tmp_path / "all.parquet", "kurtosis_by_unit")
    assert gathered["dataset"].to_pylist() == ["a@b", "a@b", "c", "c"]
    assert gathered["seed"].to_pylist() == [1, 1, 0, 0]


@pytest.mark.parametrize(
    ("columns", "constants", "message"),
    [
        ({"unit": [0]}, RUN, r"lacks the columns \['kurtosis'\]"),
        ({**UNITS, "extra": [1, 2]}, RUN, r"unknown \['extra'\]"),
        ({"unit": [0, 1], "kurtosis": [3.0]}, RUN, "differ in length"),
        (
            {**UNITS, "density": [0.7, np.nan]},
            {k: v for k, v in RUN.items() if k != "density"},
            "'density'.*1 values missing",
        ),
    ],
)
def test_wrong_columns_are_refused_and_nothing_is_written(tmp_path, columns, constants, message):
    with pytest.raises(StoreError, match=message):
        write_table(tmp_path / "t.parquet", "kurtosis_by_unit", columns, **constants)
    assert list(tmp_path.iterdir()) == []


def test_a_table_is_not_taken_for_another(tmp_path):
    write_table(tmp_path / "t.parquet", "kurtosis_by_unit", UNITS, **RUN)
    with pytest.raises(
        StoreError, match=r"t\.parquet: is of the kind 'table kurtosis_by_unit', not 'table cavity'; delete"
    ):
        read_table(tmp_path / "t.parquet", "cavity")


def test_parameters_survive_the_round_trip(tmp_path):
    parameters = initial_parameters([5, 4, 3], 0)
    write_parameters(tmp_path / "p.safetensors", parameters)
    read = read_parameters(tmp_path / "p.safetensors")
    assert set(read) == set(parameters)
    assert all((read[name] == array).all() and read[name].dtype == array.dtype for name, array in parameters.items())


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=4), st.integers(0, 10**6))
def test_masks_survive_the_round_trip_bit_by_bit(tmp_path_factory, shapes, seed):
    draw = np.random.default_rng(seed)
    mask = {f"layers.{i}.weight": draw.random(shape) < 0.5 for i, shape in enumerate(shapes)}
    path = tmp_path_factory.mktemp("mask") / "mask.safetensors"
    write_mask(path, mask)
    read = read_mask(path)
    assert set(read) == set(mask)
    assert all(read[name].dtype == bool and (read[name] == m).all() for name, m in mask.items())


def test_the_same_mask_gives_the_same_bytes_and_order(tmp_path):
    mask = {f"layers.{i}.{kind}": np.ones((2, 3), bool) for i in range(12) for kind in ("weight", "bias")}
    for n in range(5):
        write_mask(tmp_path / f"{n}", mask)
    assert len({(tmp_path / f"{n}").read_bytes() for n in range(5)}) == 1
    assert list(read_mask(tmp_path / "0")) == list(mask)


def test_masks_are_packed_and_readable_without_winnow(tmp_path):
    from safetensors import safe_open

    mask = {"layers.0.weight": np.random.default_rng(0).random((64, 100)) < 0.5}
    write_mask(tmp_path / "m.safetensors", mask)
    assert (tmp_path / "m.safetensors").stat().st_size < 64 * 100 / 8 + 400
    with safe_open(tmp_path / "m.safetensors", "numpy") as file:
        shape = json.loads(file.metadata()["winnow"])["shapes"]["layers.0.weight"]
        bits = np.unpackbits(file.get_tensor("layers.0.weight"), count=np.prod(shape)).reshape(shape)
    assert (bits == mask["layers.0.weight"]).all()


def test_dataset_facts(tmp_path):
    dataset = make_dataset(tmp_path / "d", n_train=30, n_validation=10)
    assert dataset.shape == (3, 6, 6) and len(dataset.classes) == 4
    assert isinstance(dataset.train.images, np.memmap) and not dataset.train.images.flags.writeable
    np.testing.assert_allclose(dataset.mean_image, np.asarray(dataset.train.images, float).mean(0), rtol=1e-6)
    facts = json.loads((tmp_path / "d" / "facts.json").read_text())
    assert facts["source"] == {"source": "test"} and set(facts["xxh3_128"]) == {
        f"{split}_{what}.npy" for split in ("train", "validation") for what in ("images", "labels")
    } | {"mean_image.npy"}
    for file, checksum in facts["xxh3_128"].items():
        assert checksum == xxh3_128((tmp_path / "d" / file).read_bytes()).hexdigest()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_prepare_makes_one_array_and_leaves_the_images_alone(tmp_path, dtype):
    dataset = make_dataset(tmp_path / "d", shape=(3, 16, 16), n_train=500, dtype=dtype)
    images = np.array(dataset.train.images)
    tracemalloc.start()
    prepared = dataset.prepare(images)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert prepared.dtype == np.float32 and peak < 1.2 * prepared.nbytes
    np.testing.assert_array_equal(images, dataset.train.images)
    np.testing.assert_array_equal(prepared, (images.astype(np.float32) - dataset.mean_image) / np.float32(255))


def test_released_images_stay(tmp_path):
    with new(tmp_path / "d", shape=(1, 32, 32), n_train=100) as (train, _):
        expected = np.random.default_rng(0).normal(size=train.images.shape).astype(np.float32)
        for start in range(0, 100, 10):
            train.images[start : start + 10] = expected[start : start + 10]
            train.release()
            np.testing.assert_array_equal(train.images[: start + 10], expected[: start + 10])
    written = open_dataset(tmp_path / "d").train
    for _ in range(2):
        np.testing.assert_array_equal(written.images, expected)
        written.release()


def test_a_disk_without_room_is_named_before_anything_is_filled(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=3 * 4 * 4 - 1))
    with (
        pytest.raises(StoreError, match=r"d: needs 0.05 kB, its disk has 0.05 kB left: make room"),
        new(tmp_path / "d"),
    ):
        raise AssertionError("it began")
    assert left_behind(tmp_path) == []


def new(folder, **changes):
    settings = {
        "shape": (1, 2, 2),
        "classes": ["a"],
        "n_train": 2,
        "n_validation": 1,
        "dtype": np.float32,
        "pixel_scale": 1.0,
        "source": {},
    }
    return new_dataset(folder, **{**settings, **changes})


def test_a_dataset_appears_only_when_it_is_complete(tmp_path):
    with pytest.raises(RuntimeError), new(tmp_path / "d"):
        raise RuntimeError("killed half-way")
    with pytest.raises(StoreError, match="train label lies outside the 1 classes"), new(tmp_path / "d") as (train, _):
        train.labels[:] = 1
    for name in ("train", "validation"):
        with pytest.raises(StoreError, match=f"{name} images hold NaN"), new(tmp_path / "d") as splits:
            splits[name == "validation"].images[0, 0] = np.nan
    assert list(tmp_path.iterdir()) == [] and left_behind(tmp_path) == []
    with new(tmp_path / "d") as (train, _):
        train.images[:] = 1
    with new(tmp_path / "d") as (train, _):  # again, over the old one
        train.images[:] = 2
    assert open_dataset(tmp_path / "d").mean_image.tolist() == [2, 2, 2, 2]


def test_parameters_that_are_no_numbers_are_not_written(tmp_path):
    parameters = initial_parameters([5, 4, 3], 0)
    parameters["layers.1.bias"][2] = np.inf
    with pytest.raises(StoreError, match=r"p: the array 'layers\.1\.bias' holds NaN or infinite values"):
        write_parameters(tmp_path / "p", parameters)
    assert list(tmp_path.iterdir()) == []


def test_files_say_what_made_them(tmp_path):
    gpu = {"device": "NVIDIA H200"}
    trained = {**gpu, "engine": "graph", "precision": "tf32"}
    write_parameters(tmp_path / "p", initial_parameters([5, 4, 3], 0), made_with=trained)
    write_mask(tmp_path / "m", {"layers.0.weight": np.ones((4, 5), bool)}, made_with=trained)
    write_arrays(tmp_path / "a", {"pca": np.zeros((2, 2))}, made_with=gpu)
    make_dataset(tmp_path / "d")
    assert [made_with(tmp_path / name) for name in "pmad"] == [trained, trained, gpu, {"device": "cpu"}]


def test_a_gathered_table_was_made_with_all_that_made_its_parts(tmp_path):
    devices = ["NVIDIA H200", "cpu", "NVIDIA H200"]
    paths = [tmp_path / f"{n}.parquet" for n in range(3)]
    for path, device in zip(paths, devices, strict=True):
        write_table(path, "kurtosis_by_unit", UNITS, made_with={"device": device}, **RUN)
    gather_tables(paths, tmp_path / "all.parquet", "kurtosis_by_unit")
    assert made_with(tmp_path / "all.parquet") == {"device": "NVIDIA H200, cpu"}


def test_scripts_that_choose_a_device_say_so_in_all_they_write():
    scripts = {path: path.read_text() for path in SCRIPTS.glob("*.py")}
    choosing = {path: code for path, code in scripts.items() if "claim_device" in code}
    assert len(choosing) == 17
    for path, code in choosing.items():
        writes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call) and is_write(node)]
        assert writes and all("made_with" in [keyword.arg for keyword in node.keywords] for node in writes), path


def is_write(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id.startswith("write_")
