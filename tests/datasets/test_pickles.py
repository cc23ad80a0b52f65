"""Pickles are read without being run: what is read, what is refused, and that nothing happens when it is."""

import os
import pickle
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from examples import examples
from winnow.datasets.pickles import PickleError, read_pickle

RNG = np.random.default_rng(0)
BATCH = {
    "data": RNG.integers(0, 256, (7, 12), np.uint8),
    "labels": [1, 200, 70_000, -3, 0, 2**40, 5],
    "mean": RNG.random(12),
}


def python_2(held: dict) -> bytes:
    """The pickle that Python 2 writes of text and uint8 arrays, instruction by instruction."""
    out = b"\x80\x02}q\x00("
    for key, value in held.items():
        out += b"U" + bytes([len(key)]) + key.encode()
        if isinstance(value, list):
            out += b"](" + b"".join(b"U" + bytes([len(text)]) + text.encode("latin-1") for text in value) + b"e"
            continue
        rows, columns = value.shape
        out += b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K" + bytes([rows])
        out += b"K" + bytes([columns]) + b"\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xff"
        out += b"J\xff\xff\xff\xffK\x00tb\x89T" + value.size.to_bytes(4, "little") + value.tobytes() + b"tb"
    return out + b"u."


def same(read: dict, held: dict) -> None:
    assert list(read) == list(held)
    for key, value in held.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(read[key], value, strict=True)
        else:
            assert read[key] == value and type(read[key]) is type(value)


# -- what is read ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_batches_of_every_protocol(protocol: int) -> None:
    numpy_2 = pickle.dumps(BATCH, protocol)
    numpy_1 = numpy_2.replace(b"cnumpy._core", b"cnumpy.core")
    for module in (b"multiarray", b"numeric"):
        long, short = b"numpy._core." + module, b"numpy.core." + module
        numpy_1 = numpy_1.replace(bytes([len(long)]) + long, bytes([len(short)]) + short)
    assert numpy_1 != numpy_2
    for content in (numpy_1, numpy_2):
        same(read_pickle(content + b"what follows is ignored", "x"), BATCH)


def test_batches_of_python_2() -> None:
    held = {"data": BATCH["data"], "label_names": ["cat", "b\xe9ret"]}
    content = python_2(held)
    np.testing.assert_array_equal(pickle.loads(content, encoding="latin1")["data"], held["data"])
    same(read_pickle(content, "x"), held)


plain = st.one_of(st.integers(), st.floats(allow_nan=False), st.text(), st.booleans(), st.none(), st.binary())
numbers = arrays.arrays(
    st.sampled_from(["u1", "i2", ">i4", "<u8", "f4", ">f8", "?"]), arrays.array_shapes(min_dims=1, max_dims=3)
)


@settings(deadline=None, max_examples=examples(60))
@given(st.dictionaries(st.text(), st.one_of(plain, st.lists(plain), numbers)), st.integers(3, 5))
def test_plain_values_are_read_as_pickle_reads_them(held: dict, protocol: int) -> None:
    read = read_pickle(pickle.dumps(held, protocol), "x")
    assert read.keys() == held.keys()
    for key, value in held.items():
        np.testing.assert_equal(read[key], value)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_arrays_in_columns_and_the_same_object_twice(protocol: int) -> None:
    turned = np.asfortranarray(BATCH["data"])
    same(read_pickle(pickle.dumps({"a": turned, "b": turned}, protocol), "x"), {"a": turned, "b": turned})


def test_arrays_of_every_order_in_a_buffer() -> None:
    block = RNG.integers(0, 9, (2, 3, 4), np.int16)
    fixed = block.copy()
    fixed.setflags(write=False)
    held = {
        "turned": block.transpose(1, 0, 2),
        "fixed": fixed,
        "parts": block[:, ::2],
        "one": np.array(3),
        "0": block[:0],
    }
    read = read_pickle(pickle.dumps(held, 5), "x")
    same(read, held)
    assert not any(array.flags.writeable for array in read.values())


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_scalars_of_numpy_are_numbers(protocol: int) -> None:
    given = [np.int64(3), np.uint8(200), np.int16(-2), np.float32(1.5), np.bool_(True)]
    for content in (pickle.dumps({"labels": given}, protocol), pickle.dumps({"labels": tuple(given)}, protocol)):
        same(read_pickle(content, "x"), {"labels": [3, 200, -2, 1.5, True]})
    assert [type(x) for x in read_pickle(content, "x")["labels"]] == [int, int, int, float, bool]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_keys_of_bytes_are_text(protocol: int) -> None:
    held = {key.encode(): value for key, value in BATCH.items()}
    same(read_pickle(pickle.dumps(held, protocol), "x"), BATCH)


# -- what is refused ---------------------------------------------------------------------------------------------------


class Calls:
    """Pickles as the call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def frombuffer(rest: bytes) -> bytes:
    """An array of one byte as protocol 5 has it; its shape and order as given."""
    dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
    return b"\x80\x05}U\x01xcnumpy._core.numeric\n_frombuffer\n(\x96\x01" + bytes(7) + b"x" + dtype + rest + b"tRs."


def canaries(touch: str) -> dict[str, object]:
    return {
        "os.system": Calls(os.system, touch),
        "subprocess.Popen": Calls(subprocess.Popen, touch.split()),
        "builtins.eval": Calls(eval, f"__import__('os').system({touch!r})"),
        "builtins.exec": Calls(exec, f"import os; os.system({touch!r})"),
        "builtins.getattr": Calls(getattr, "text", "__class__"),
        "numpy.load": Calls(np.load, "some.npy", None, True),
        "numpy.fromfile": Calls(np.fromfile, "some.npy"),
        "numpy.testing._private.utils.runstring": Calls(
            np.testing._private.utils.runstring, f"import os; os.system({touch!r})", {}
        ),
        "numpy.memmap": Calls(np.memmap, "some.npy"),
    }


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", canaries(""))
@pytest.mark.parametrize("nested", [False, True])
def test_nothing_is_called(tmp_path: Path, name: str, protocol: int, nested: bool) -> None:
    canary = tmp_path / "canary"
    call = canaries(f"touch {canary}")[name]
    content = pickle.dumps({**BATCH, "labels": [1, {"deep": [(call,)]}]} if nested else call, protocol)
    name = {"os.system": "posix.system"}.get(name, name)
    if protocol == 2:
        name = name.replace("builtins", "__builtin__").replace("subprocess", "commands")
    with pytest.raises(PickleError, match=f"^batch: would call {name}"):
        read_pickle(content, "batch")
    assert not canary.exists()


def test_the_canary_sings(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    pickle.loads(pickle.dumps(canaries(f"touch {canary}")["os.system"]))
    assert canary.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80\x02cposix\nsystem\nU\x04true\x85R.", "would call posix.system"),
        (b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.", "would call posix.system"),
        (b"(S'true'\niposix\nsystem\n.", "uses the instruction STRING"),
        (b"(iposix\nsystem\n.", "makes an object of posix.system"),
        (b"(cposix\nsystem\nU\x04trueo.", "would call posix.system"),
        (b"\x80\x02cbuiltins\nobject\n)\x81.", "would call builtins.object"),
        (b"\x80\x02cnumpy\nndarray\n)\x81.", "uses the instruction NEWOBJ"),
        (b"\x80\x04cnumpy\nndarray\n)}\x92.", "uses the instruction NEWOBJ_EX"),
        (b"\x80\x04\x8c\x05numpy\x8c\x09os.system\x93.", "would call numpy.os.system"),
        (b"\x80\x04\x8c\x05numpy\x8c\x12ndarray.__init__.x\x93.", "would call numpy.ndarray.__init__.x"),
        (b"c__main__\nBATCH\n.", "would call __main__.BATCH"),
        (b"ccopyreg\n_reconstructor\n.", "would call copyreg._reconstructor"),
        (b"\x80\x02U\x01xQ.", "uses the instruction BINPERSID"),
        (b"Px\n.", "uses the instruction PERSID"),
        (b"\x82\x01.", "uses the instruction EXT1"),
        (b"\x83\x01\x00.", "uses the instruction EXT2"),
        (b"\x84\x01\x00\x00\x00.", "uses the instruction EXT4"),
        (b"\x80\x05\x97.", "does not hold its arrays, .* pickle it without buffer_callback$"),
        (b"\x80\x04\x8f.", "uses the instruction EMPTY_SET"),
        # Calling what is allowed with what is not.
        (b"\x80\x02cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85R.", "other arguments"),
        (b"\x80\x02cnumpy\ndtype\nU\x01OK\x00K\x01\x87R.", "dtype 'O'"),
        (b"\x80\x02cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R.", "dtype 'O8'"),
        (b"\x80\x02cnumpy\ndtype\nU\x03V99K\x00K\x01\x87R.", "dtype 'V99'"),
        (
            b"\x80\x02cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|]NNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3ftb.",
            "structured",
        ),
        (b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00utf-7\x86R.", "other arguments"),
        (b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\ndtype\nK\x00\x85U\x01b\x87R.", "other arguments"),
        (b"\x80\x02cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nU\x01x\x86R.", "makes its number of other arguments"),
        (b"\x80\x02cnumpy.core.numeric\n_frombuffer\n(U\x01xU\x02u1K\x01\x85U\x01CtR.", "other arguments"),
        (frombuffer(b"K\x01\x85U\x01A"), "other arguments"),
        (frombuffer(b"K\x02\x85U\x01C"), r"announces an array of shape \(2,\) but holds 1 bytes"),
        (frombuffer(b"K\x01\x85U\x01KK\x01\x85"), "damaged"),
        (frombuffer(b"K\x01\x85U\x01K}\x85"), "damaged"),
        (b"\x80\x02U\x01x)R.", "a str stands where a _Name belongs"),
        # Setting the state of what has none: a function, a class, a dictionary.
        (b"\x80\x02cnumpy\nndarray\n(K\x01K\x01\x85cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R\x89U\x01xtb.", "belongs"),
        (b"\x80\x02}}U\x01xK\x01sb.", "a dict stands where a tuple belongs"),
        # What is plain but of no use.
        (b"\x80\x02](K\x01K\x02e.", "holds no dictionary"),
        (b"\x80\x02}U\x01x]]as.", "holds more than"),
        (b"\x80\x02}U\x01x}s.", "holds more than"),
        (b"\x80\x02}U\x01xcnumpy\nndarray\ns.", "holds more than"),
        (b"\x80\x02}K\x01K\x02s.", "a int stands where a str belongs"),
        (b"\x80\x02}q\x00U\x01xh\x00s.", "holds more than"),  # a dictionary that holds itself
        (b"", "damaged"),
        (b".", "damaged"),
        (b"\x80\x02K\x01K\x02e.", "damaged"),
        (b"\x80\x02h\x07.", "damaged"),
        (b"PK\x03\x04 some other file", "damaged|uses"),
    ],
)
def test_instructions_that_no_batch_needs(content: bytes, message: str) -> None:
    with pytest.raises(PickleError, match=f"^batch: .*({message})"):
        read_pickle(content, "batch")


def test_arrays_of_objects_are_refused() -> None:
    with pytest.raises(PickleError, match="dtype 'O8'"):
        read_pickle(pickle.dumps({"data": np.array([os.system, None])}, 4), "batch")


def test_more_is_announced_than_there_is() -> None:
    content = pickle.dumps({"data": np.zeros((2, 3), np.uint8)}, 3)
    assert content.count(b"K\x02K\x03\x86") == 1
    with pytest.raises(PickleError, match="announces an array of shape"):
        read_pickle(content.replace(b"K\x02K\x03\x86", b"J\xff\xff\xff\x7fK\x03\x86"), "batch")
    with pytest.raises(PickleError, match="announces an array of shape"):
        read_pickle(content.replace(b"K\x02K\x03\x86", b"K\x03K\xfe\x86"), "batch")
    with pytest.raises(PickleError, match="damaged"):
        read_pickle(b"\x80\x03B\xff\xff\xff\x7fabc.", "batch")
    with pytest.raises(PickleError, match="damaged"):
        read_pickle(b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7fabc.", "batch")


def test_text_that_is_made_to_bytes_again_and_again() -> None:
    again = b"c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R0"
    content = b"\x80\x02X\xe8\x03\x00\x00" + b"x" * 1000 + b"q\x00" + again.replace(b"R0", b"R") * 100 + b"."
    with pytest.raises(PickleError, match="announces more bytes than it holds"):
        read_pickle(content, "batch")


def test_nesting_and_long_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = b"\x80\x02}U\x01x" + b"]" * 100_000 + b"a" * 99_999 + b"s."
    with pytest.raises(PickleError, match="holds more than"):
        read_pickle(deep, "batch")
    with pytest.raises(PickleError, match="stands where a str belongs"):  # no tuple is ever hashed
        read_pickle(b"\x80\x02})" + b"\x85" * 100_000 + b"K\x01s.", "batch")
    monkeypatch.setattr("winnow.datasets.pickles._MOST_INSTRUCTIONS", 1000)
    with pytest.raises(PickleError, match="more than 1000 instructions"):
        read_pickle(deep, "batch")


SCALARS = {b"labels": [np.int64(3), np.uint8(4)], b"turned": BATCH["data"].reshape(7, 3, 4).transpose(1, 0, 2)}
GOOD = [pickle.dumps(BATCH, protocol) for protocol in (2, 3, 4, 5)]
GOOD += [pickle.dumps(SCALARS, 4), pickle.dumps(SCALARS, 5), python_2({"data": BATCH["data"]})]


@settings(deadline=None, max_examples=examples(500))
@given(
    st.sampled_from(GOOD),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=4),
    st.integers(0, 2000),
)
def test_damaged_files_are_read_or_refused(content: bytes, changes: list[tuple[int, int]], length: int) -> None:
    damaged = bytearray(content)
    for place, byte in changes:
        damaged[place % len(damaged)] = byte
    if length < len(damaged):
        del damaged[length:]
    try:
        read = read_pickle(bytes(damaged), "batch")
    except PickleError as error:
        assert str(error).startswith("batch: ")
        return
    assert type(read) is dict
    for key, value in read.items():
        assert type(key) is str
        if isinstance(value, np.ndarray):
            assert value.dtype.kind in "biuf" and value.nbytes <= len(content)
        else:
            assert type(value) in (int, str, bytes, float, bool, list, type(None))
