"""Files made to do harm: each is refused within the bounds, however large it says it is."""

import bz2
import gzip
import io
import lzma
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fuzz.readers import READERS, reads, tar_header, tar_member
from winnow.datasets.files.cifar import CIFAR10
from winnow.streams import stream

FIRST = f"{CIFAR10.folder}/{CIFAR10.train[0]}"


# -- pickles -----------------------------------------------------------------------------------------------------------


def pickled_array(shape: bytes) -> bytes:
    """A dictionary of one array of a byte, its shape given by instructions."""
    name, array = b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
    return b"\x80\x02}U\x04data" + name + array + b"(K\x01" + shape + dtype + b"\x89U\x01xtbs."


def whole_number(n_bytes: int) -> bytes:
    return b"\x8b" + struct.pack("<i", n_bytes) + b"\xff" * (n_bytes - 1) + b"\x7f"


def labels_with_one_long_text() -> bytes:
    return pickle.dumps({"data": np.zeros((501, 3072), np.uint8), "labels": ["a"] * 500 + ["x" * 10**6]}, 3)


# -- archives ----------------------------------------------------------------------------------------------------------


def npy(shape: str = "(1, 3072)", header: str | None = None) -> bytes:
    text = (header or f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}").encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(3072)


def npz(data: bytes, method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("data.npy", data)
        archive.comment = b" " * 4000
    return file.getvalue()


def damaged_lzma(place: int, changed: bytes) -> bytes:
    """A member compressed by LZMA, changed at a place of its stream."""
    content = npz(npy(), zipfile.ZIP_LZMA)
    start = content.index(b"data.npy") + len(b"data.npy") + place
    return content[:start] + changed + content[start + len(changed) :]


def gzipped_zeros(first: bytes, megabytes: int) -> bytes:
    return gzip.compress(first) + gzip.compress(bytes(1 << 20)) * megabytes


def sparse_members() -> bytes:
    """All files of CIFAR-10, 300 MB of nothing each, in a few kilobytes."""
    headers = b""
    for name in CIFAR10.files:
        header = bytearray(tar_header(f"{CIFAR10.folder}/{name}", 0, tarfile.GNUTYPE_SPARSE))
        header[386:398] = header[483:495] = b"%011o\0" % 300_000_000  # where the last, empty piece lies; the whole
        header[398:410] = b"%011o\0" % 0
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        headers += header
    return headers + bytes(1024)


def links() -> bytes:
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE)
    named = [tar_member(FIRST, b"", kind, linkname=to) for kind in kinds for to in ("/etc/passwd", FIRST, "../../x")]
    return b"".join([*named, tar_member("../../escaped", b"x"), tar_member("/escaped", b"x")]) + bytes(1024)


# -- configurations ----------------------------------------------------------------------------------------------------

TINY = (Path(__file__).parents[2] / "configs/tiny.yaml").read_text(encoding="utf-8")


def with_seeds(seeds: str) -> bytes:
    return TINY.replace("seeds: [0, 1]", f"seeds: {seeds}").encode()


def aliases_of_aliases() -> bytes:
    """Ten to the ninth values in ten lines."""
    lines = ["- &a0 [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]"]
    lines += [f"- &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    return with_seeds("\n" + "\n".join(lines))


HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "shape of huge numbers": ("pickles", lambda: pickled_array(b"(" + whole_number(3_000_000) * 4 + b"t")),
    "shape of many numbers": ("pickles", lambda: pickled_array(b"(" + whole_number(8) * 300_000 + b"t")),
    "nested 200,000 times": ("pickles", lambda: b"\x80\x02}U\x01x" + b"]" * 200_000 + b"a" * 199_999 + b"s."),
    "a tuple in a tuple in a tuple": ("pickles", lambda: b"\x80\x02)" + b"\x85" * 200_000 + b"."),
    "a name without end": ("pickles", lambda: b"\x80\x02c" + b"a" * 10**7),
    "labels with one long text": ("imagenet32_pickle", labels_with_one_long_text),
    "a shape of terabytes": ("imagenet32_npz", lambda: npz(npy("(10000000000000,)"))),
    "a header of brackets": ("imagenet32_npz", lambda: npz(npy(header="(" * 9000))),
    "a header that is no literal": ("imagenet32_npz", lambda: npz(npy(header="x y"))),
    "damaged LZMA": ("imagenet32_npz", lambda: damaged_lzma(12, b"\xff" * 20)),
    "a dictionary of 4 GB for LZMA": ("imagenet32_npz", lambda: damaged_lzma(5, b"\xff" * 4)),
    "members that lie outside": ("cifar_archive", links),
    "members without content": ("cifar_archive", sparse_members),
    "a member of 1 TB": ("cifar_archive", lambda: tar_header(FIRST, 2**40)),
    "a name of 1 GB": (
        "cifar_archive",
        lambda: gzipped_zeros(tar_header("././@LongLink", 1 << 30, tarfile.GNUTYPE_LONGNAME), 1025),
    ),
    "attributes of 1 GB": ("cifar_archive", lambda: gzipped_zeros(tar_header("x", 1 << 30, tarfile.XHDTYPE), 1025)),
    "a member of 8 GB in passing": ("cifar_archive", lambda: gzipped_zeros(tar_header("x", 8 << 30), 8192)),
    "lists in lists": ("configurations", lambda: with_seeds("[" * 3000 + "]" * 3000)),
    "a list of itself": ("configurations", lambda: with_seeds("&a [*a]")),
    "aliases of aliases": ("configurations", aliases_of_aliases),
    "a number of 5,000 digits": ("configurations", lambda: with_seeds("[0x" + "f" * 5000 + "]")),
    "a Python object": ("configurations", lambda: with_seeds("!!python/object/apply:os.system [touch escaped]")),
    "facts nested": ("dataset_facts", lambda: b"[" * 10**5),
}


@pytest.mark.parametrize(
    "compress", [lambda raw: gzip.compress(raw, 1), bz2.compress, lambda raw: lzma.compress(raw, preset=0)]
)
def test_no_damage_to_an_archive_goes_unnoticed(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    rng = stream("damaged archive")
    reader = READERS["cifar_archive"](tmp_path)
    content = reader.good[0] + bytes(1 << 15)  # tar's own records are longer than what tarfile reads, too
    for k in range(1, 6):
        content = content.replace(bytes([k]) * 6144, rng.integers(0, 128, 6144, np.uint8).tobytes(), 1)
    content = compress(content)
    for place in rng.integers(len(content) // 10, len(content) - 100, 20):
        flipped = bytes([content[place] ^ 1 << rng.integers(8)])
        reader.path.write_bytes(content[:place] + flipped + content[place + 1 :])
        assert not reads(reader)


@pytest.mark.parametrize("case", HOSTILE)
def test_is_refused(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, content = HOSTILE[case]
    reader = READERS[name](tmp_path)
    reader.path.write_bytes(content())
    monkeypatch.chdir(tmp_path)
    assert not reads(reader)
