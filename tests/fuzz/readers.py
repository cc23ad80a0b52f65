"""The readers of files that others made: good files of each, and what reading one means."""

import bz2
import gzip
import io
import lzma
import pickle
import re
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import yaml
from PIL import Image
from xxhash import xxh3_128

from winnow.config.parse import parse_config
from winnow.config.words import ConfigError
from winnow.config.yaml_files import check_config_file
from winnow.datasets.cifar import prepare_cifar10
from winnow.datasets.files.cifar import CIFAR10
from winnow.datasets.files.names import SourceError
from winnow.datasets.files.photos import PhotosError
from winnow.datasets.imagenet32 import read_batch
from winnow.datasets.pickles import PickleError, read_pickle
from winnow.datasets.pixels import read_photo
from winnow.store.atomic import StoreError
from winnow.store.datasets import new_dataset, open_dataset
from winnow.store.tables import read_table, write_table
from winnow.store.tensors import read_mask, read_parameters, write_mask, write_parameters

from .damage import Edit, damage
from .limits import MEGABYTES, bounded


@dataclass(frozen=True)
class Reader:
    """A reader, and good files to be damaged.

    Attributes:
        path: of the file that is damaged; what else is to be read lies beside it.
        good: contents, each of which can be read once it is sealed.
        read: reads the file at `path`.
        refusal: the only error it may raise.
        names: one of them is in the message; none: the message is completed by the caller.
        tokens: bytes that mean something in such a file.
        seal: puts checksums right and compresses, so that the damage lies inside.
        megabytes: that reading may take.
    """

    path: Path
    good: Sequence[bytes] = field(repr=False)
    read: Callable[[Path], object]
    refusal: type[Exception]
    names: tuple[str, ...]
    tokens: tuple[bytes, ...] = field(default=(), repr=False)
    seal: Callable[[bytes], bytes] = bytes
    megabytes: int = MEGABYTES

    def attempt(self, which: int, edits: Sequence[Edit]) -> bool:
        """Whether a damaged file is read; else it was refused as it should be."""
        self.path.write_bytes(self.seal(damage(self.good[which % len(self.good)], edits, self.tokens)))
        return reads(self)


def reads(reader: Reader) -> bool:
    """Whether the file at `reader.path` is read; any error but a proper refusal comes through."""
    try:
        with bounded(reader.path.parent, megabytes=reader.megabytes):
            reader.read(reader.path)
    except reader.refusal as error:
        message = str(error)
        assert not reader.names or any(name in message for name in reader.names), message
        return False
    return True


# -- pickles, archives -------------------------------------------------------------------------------------------------

_PICKLE_TOKENS = (
    *(b"(]}).", b"cos\nsystem\n", b"c__builtin__\neval\n", b"\x8c\x02os\x8c\x06system\x93", b"R", b"b", b"o", b"\x81"),
    *(b"cnumpy\nndarray\n", b"cnumpy\ndtype\n", b"c_codecs\nencode\n", b"cnumpy.core.multiarray\n_reconstruct\n"),
    *(b"cnumpy.core.multiarray\nscalar\n", b"cnumpy.core.numeric\n_frombuffer\n"),
    *(
        b"X\x06\x00\x00\x00latin1",
        b"\x8b\x08\x00\x00\x00" + b"\xff" * 8,
        b"h\x00",
        b"h\x01",
        b"q\x00",
        b"\x94",
        b"P0\n",
    ),
    *(
        b"I1\n",
        b"L1L\n",
        b"F1\n",
        b"S'x'\n",
        b"Vx\n",
        b"G\x7f\xf0" + b"\0" * 6,
        b"(t",
        b"\x85",
        b"\x86",
        b"\x87",
        b"e",
        b"u",
    ),
    *(b"s", b"a", b"2", b"0", b"1", b"\x97", b"\x96" + b"\xff" * 8, b"\x82\x01", b"\x88", b"N", b"J\xff\xff\xff\x7f"),
)


def _pickles(held: dict, *protocols: int) -> list[bytes]:
    return [
        content.replace(b"numpy._core", b"numpy.core") if protocol == 2 else content
        for protocol in protocols
        for content in [pickle.dumps(held, protocol)]
    ]


def pickles(folder: Path) -> Reader:
    """The restricted reader of pickles alone."""
    held = {"data": np.arange(12, dtype=np.uint8).reshape(2, 6), "labels": [1, 2**40, -3], "mean": np.arange(3.0)}
    more = {
        "text": "ab\u00e9",
        "bytes": b"\xff",
        "names": ["x", 1.5, None, True],
        "turned": np.ones((2, 2), ">f8", "F"),
    }
    return Reader(
        folder / "batch",
        _pickles(held, 2, 3, 4, 5) + _pickles(more, 2, 3, 4, 5),
        lambda path: read_pickle(path.read_bytes(), path.name),
        PickleError,
        ("batch: ",),
        _PICKLE_TOKENS,
    )


def _batch(n: int, classes: int) -> dict:
    images = np.arange(n * 3072).reshape(n, 3072) % 251
    return {"data": images.astype(np.uint8), "labels": [k % classes + 1 for k in range(n)]}


def imagenet32_pickle(folder: Path) -> Reader:
    """A pickled batch of ImageNet32."""
    held = {**_batch(1, 1), "mean": np.full(3072, 7, np.uint8)}
    return Reader(
        folder / "train_data_batch_1",
        _pickles({**held, "labels": [np.int64(3)]}, 2, 3, 4, 5),
        read_batch,
        SourceError,
        ("train_data_batch_1: ",),
        _PICKLE_TOKENS,
    )


def _npz(held: dict, method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, value in held.items():
            array = io.BytesIO()
            np.lib.format.write_array(array, np.asarray(value))
            archive.writestr(f"{name}.npy", array.getvalue())
        archive.comment = b"padding, as files below 3,072 bytes are no batches " * 60
    return file.getvalue()


def _seal_npz(content: bytes) -> bytes:
    """Checksums of the members that are stored as they are, in the local and the central headers."""
    sealed, place = bytearray(content), 0
    while (place := content.find(b"PK\x03\x04", place)) >= 0:
        header = content[place : place + 30]
        if len(header) == 30 and header[8:10] == b"\0\0":
            size, name, extra = struct.unpack("<I", header[18:22])[0], *struct.unpack("<HH", header[26:30])
            start = place + 30 + name + extra
            sum32 = struct.pack("<I", zlib.crc32(content[start : start + size]))
            sealed[place + 14 : place + 18] = sum32
            central = content.find(b"PK\x01\x02")
            while central >= 0:
                if content[central + 42 : central + 46] == struct.pack("<I", place):
                    sealed[central + 16 : central + 20] = sum32
                central = content.find(b"PK\x01\x02", central + 4)
        place += 4
    return bytes(sealed)


def imagenet32_npz(folder: Path) -> Reader:
    """A batch of ImageNet32 as `.npz`."""
    held = {"data": np.zeros((1, 3072), np.uint8), "labels": np.array([3]), "mean": np.zeros(3072, np.uint8)}
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    return Reader(
        folder / "train_data_batch_1.npz",
        [_npz(held, method) for method in methods],
        read_batch,
        SourceError,
        ("train_data_batch_1.npz: ",),
        (*_HEADER_TOKENS, b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"\x0e\x00", b"\x63\x00", b"../", b"data.npy"),
        _seal_npz,
    )


_HEADER_TOKENS = (
    *(
        b"(3072,)",
        b"(1, 3072)",
        b"(-1,)",
        b"(9999999999999,)",
        b"(2**70,)",
        b"(0,)",
        b"()",
        b"None",
        b"True",
        b"[",
        b"(",
    ),
    *(
        b"'|O'",
        b"'|u1'",
        b"'<f8'",
        b"'<U9'",
        b"'|V9'",
        b"'<M8[s]'",
        b"[('a','O')]",
        b"'x'*9",
        b"\x93NUMPY",
        b"\x02\0",
        b"{",
    ),
    *(b"{}", b"'descr'", b"'shape'", b"'fortran_order'", b"lambda:0", b"#", b"\\N{x}", b"\xff", b"9" * 200, b"(" * 300),
)


def tar_header(name: str, size: int, kind: bytes = tarfile.REGTYPE, **fields: object) -> bytes:
    """The header of a member."""
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    for key, value in fields.items():
        setattr(member, key, value)
    return member.tobuf(tarfile.GNU_FORMAT)


def tar_member(name: str, content: bytes, kind: bytes = tarfile.REGTYPE, **fields: object) -> bytes:
    """A member as it lies in an archive."""
    return tar_header(name, len(content), kind, **fields) + content + bytes(-len(content) % 512)


def seal_tar(content: bytes) -> bytes:
    """Checksums of all headers; compressed in one of four ways, according to the content."""
    sealed = bytearray(content)
    for start in range(0, len(sealed) - 511, 512):
        if sealed[start + 257 : start + 262] == b"ustar":
            sealed[start + 148 : start + 156] = b" " * 8
            sealed[start + 148 : start + 156] = b"%06o\0 " % sum(sealed[start : start + 512])
    ways = (bytes, lambda raw: gzip.compress(raw, 1, mtime=0), bz2.compress, lambda raw: lzma.compress(raw, preset=0))
    return ways[zlib.crc32(sealed) % 4](bytes(sealed))


def cifar_archive(folder: Path) -> Reader:
    """CIFAR-10's archive, to the dataset made of it."""
    parts = []
    for k, name in enumerate((*CIFAR10.train, CIFAR10.validation)):
        held = {"data": np.full((2, 3072), k, np.uint8), "labels": [0, 1]}
        parts.append(tar_member(f"{CIFAR10.folder}/{name}", *_pickles(held, 2)))
    parts.append(tar_member(f"{CIFAR10.folder}/{CIFAR10.meta}", *_pickles({"label_names": ["cat", "dog"]}, 2)))
    first = f"{CIFAR10.folder}/{CIFAR10.train[0]}"
    hostile = (
        tar_member("../../escaped", b"x"),
        tar_member("/tmp/escaped", b"x"),
        *(tar_member(first, b"", kind, linkname="/etc/passwd") for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE)),
        *(
            tar_member(first, b"", kind)
            for kind in (tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE)
        ),
        tar_member("././@LongLink", first.encode() + b"\0", tarfile.GNUTYPE_LONGNAME),
        tar_member("././@LongLink", b"x" * 600, tarfile.GNUTYPE_LONGLINK),
        *(
            tar_member("x", record, tarfile.XHDTYPE)
            for record in (b"19 size=9999999999\n", b"12 size=-99\n", b"9 path=\n")
        ),
        *(
            tar_member("x", record, tarfile.XGLTYPE)
            for record in (b"24 hdrcharset=BINARY\n\n\n\n", b"0 x=1\n", b"-3 a=b\n")
        ),
        tar_member("x", b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n", tarfile.XHDTYPE),
        tar_header(first, 2**40),
        tar_header(first, 999, tarfile.GNUTYPE_SPARSE),
        b"\xff" * 12,
        b"77777777777\0",
        *(kind for kind in (b"0", b"1", b"2", b"3", b"5", b"6", b"7", b"S", b"L", b"K", b"x", b"g", b"X")),
    )

    def read(path: Path) -> None:
        try:
            prepare_cifar10(folder / "dataset", name="fuzz", path=path)
        finally:
            if (folder / "dataset" / "facts.json").exists():  # a complete dataset
                shutil.rmtree(folder / "dataset")

    return Reader(
        folder / "fuzz.tar.gz",
        [b"".join(parts) + bytes(1024), b"".join(parts[::-1]) + bytes(1024)],
        read,
        SourceError,
        ("fuzz.tar.gz: ", *(f"{name}: " for name in CIFAR10.files), *(f"{name}, " for name in CIFAR10.files)),
        hostile,
        seal_tar,
    )


# -- photographs -------------------------------------------------------------------------------------------------------


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def seal_png(content: bytes) -> bytes:
    """Checksums of the chunks of a PNG; other files as they are."""
    if not content.startswith(b"\x89PNG"):
        return content
    sealed, place = bytearray(content), 8
    while place + 12 <= len(content):
        end = place + 8 + int.from_bytes(content[place : place + 4], "big")
        if end + 4 > len(content):
            break
        sealed[end : end + 4] = struct.pack(">I", zlib.crc32(content[place + 4 : end]))
        place = end + 4
    return bytes(sealed)


def photos(folder: Path) -> Reader:
    """Photographs of all formats."""
    values = (np.arange(9 * 11 * 3).reshape(9, 11, 3) * 7 % 256).astype(np.uint8)
    rgb = Image.fromarray(values)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned
    good = [
        *(_saved(rgb.convert(mode), "PNG") for mode in ("RGB", "RGBA", "LA", "P", "1")),
        _saved(Image.fromarray(values[:, :, 0].astype(np.uint16) * 200), "PNG"),
        _saved(rgb, "PNG", exif=exif),
        _saved(rgb, "JPEG", exif=exif),
        _saved(rgb, "JPEG", progressive=True),
        _saved(rgb.convert("CMYK"), "JPEG"),
        _saved(rgb.convert("P"), "GIF", save_all=True, append_images=[rgb.rotate(180).convert("P")]),
        *(_saved(rgb, "TIFF", compression=way) for way in ("raw", "tiff_deflate", "tiff_lzw", "jpeg")),
        _saved(Image.fromarray(values[:, :, 0].astype(np.float32) / 256), "TIFF"),
        *(_saved(rgb, kind) for kind in ("BMP", "WEBP", "PPM", "JPEG2000", "AVIF")),
        _saved(rgb.convert("RGBA"), "WEBP", lossless=True),
    ]
    tokens = (
        b"IHDR",
        b"IDAT",
        b"PLTE",
        b"tRNS",
        b"eXIf",
        b"acTL",
        b"fdAT",
        b"zTXt",
        b"\xff\xd8",
        b"\xff\xda",
        b"\xff\xc0",
        b"II*\0",
    )
    # Pillow takes images of up to 179 million pixels, four bytes each, and sets the room aside before it decodes.
    return Reader(folder / "photo", good, read_photo, PhotosError, (), tokens, seal_png, megabytes=2000)


# -- configurations ----------------------------------------------------------------------------------------------------

_YAML_TOKENS = (
    *(
        b"on",
        b"1e3",
        b"~",
        b"[]",
        b"{}",
        b"!!python/object/apply:os.system [x]",
        b"!!python/name:os.system",
        b"!!binary eA==",
    ),
    *(
        b"&a ",
        b"*a",
        b"<<: *a",
        b"- ",
        b": ",
        b"? ",
        b"\t",
        b"'",
        b'"',
        b"|",
        b"\xff",
        b"\0",
        b"\xef\xbb\xbf",
        b"2020-01-01",
    ),
    *(
        b".inf",
        b".nan",
        b"-1",
        b"0",
        b"1.5",
        b"0x" + b"f" * 5000,
        b"9" * 5000,
        b"1:30",
        b"!!set {a}",
        b"---\n",
        b"[" * 2000,
    ),
    *(
        b"../..",
        b"/",
        b"a" * 300,
        b"\xc3\xa9",
        b"\\",
        b"$x$",
        b"<b>",
        b"%",
        b"source: nlgp",
        b"clone: {}",
        b"true",
        b"null",
    ),
)


def configurations(folder: Path) -> Reader:
    """YAML files, as Snakemake loads them, to the configuration."""
    root = Path(__file__).parents[2]
    good = [
        file.read_bytes()
        for file in (root / "config.yaml", root / "configs/tiny.yaml", root / "configs/gain_sweep.yaml")
    ]

    def read(path: Path) -> None:
        check_config_file(path)
        try:
            raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, ValueError) as error:  # Snakemake's own message
            raise ConfigError(f"{path}: {error}") from None
        parse_config(raw, str(path))

    return Reader(folder / "some.yaml", good, read, ConfigError, (str(folder / "some.yaml"),), _YAML_TOKENS)


# -- what the project wrote itself ------------------------------------------------------------------------------------


def seal_store(content: bytes) -> bytes:
    """The checksum of a file of `winnow.store`, as if the damage had been there when it was written."""
    found = re.findall(rb"xxh3_128:[0-9a-f]{32}", content)
    if len(found) != 1:
        return content
    blank = content.replace(found[0], b"xxh3_128:" + b"0" * 32)
    return content.replace(found[0], b"xxh3_128:" + xxh3_128(blank).hexdigest().encode())


def _dataset(folder: Path, damaged: str, tokens: tuple[bytes, ...]) -> Reader:
    dataset = folder / "dataset"
    with new_dataset(
        dataset,
        shape=(1, 2, 2),
        classes=["a", "b"],
        n_train=4,
        n_validation=2,
        dtype=np.uint8,
        pixel_scale=255.0,
        source={"source": "fuzz"},
    ) as splits:
        for split in splits:
            split.labels[:] = np.arange(len(split.labels)) % 2
            split.images[:] = 3
    path, facts = dataset / damaged, dataset / "facts.json"
    good, known = path.read_bytes(), facts.read_bytes()

    def read(path: Path) -> None:
        if path != facts:  # as if the array had been so when the facts were written
            checksums = [xxh3_128(content).hexdigest().encode() for content in (good, path.read_bytes())]
            facts.write_bytes(seal_store(known.replace(*checksums)))
        opened = open_dataset(dataset)
        for split in (opened.train, opened.validation):
            assert len(split.images) == len(split.labels)

    return Reader(path, [good], read, StoreError, (str(dataset),), tokens, seal_store)


def dataset_facts(folder: Path) -> Reader:
    """`facts.json` of a dataset."""
    tokens = (
        b"null",
        b"1e999",
        b"NaN",
        b"{}",
        b"[]",
        b'"',
        b"[" * 2000,
        b"9" * 5000,
        b"-1",
        b"true",
        b"\xff",
        b"\\ud800",
    )
    return _dataset(folder, "facts.json", tokens)


def dataset_images(folder: Path) -> Reader:
    """An array of a dataset that is memory-mapped."""
    return _dataset(folder, "train_images.npy", _HEADER_TOKENS)


def dataset_mean(folder: Path) -> Reader:
    """An array of a dataset that is read."""
    return _dataset(folder, "mean_image.npy", _HEADER_TOKENS)


_TENSOR_TOKENS = (
    b"F32",
    b"U8",
    b"F64",
    b"BOOL",
    b"BF16",
    b'"shape":[',
    b'"data_offsets":[',
    b"__metadata__",
    b"-1",
    b"[",
    b"9" * 30,
)


def masks(folder: Path) -> Reader:
    """A mask."""
    mask = {"layers.0.weight": np.arange(15).reshape(3, 5) % 2 == 0, "layers.0.bias": np.ones(3, bool)}
    path = folder / "mask.safetensors"
    write_mask(path, mask)
    return Reader(path, [path.read_bytes()], read_mask, StoreError, (str(path),), _TENSOR_TOKENS, seal_store)


def parameters(folder: Path) -> Reader:
    """Parameters of a network."""
    path = folder / "parameters.safetensors"
    write_parameters(path, {"layers.0.weight": np.ones((2, 3), np.float32), "layers.0.bias": np.ones(2, np.float32)})
    return Reader(path, [path.read_bytes()], read_parameters, StoreError, (str(path),), _TENSOR_TOKENS, seal_store)


def tables(folder: Path) -> Reader:
    """A table of statistics."""
    path = folder / "kurtosis_by_unit.parquet"
    columns = {"unit": [0, 1], "kurtosis": [3.0, np.nan], "round": [0, 0], "density": [1.0, 1.0]}
    write_table(path, "kurtosis_by_unit", columns, dataset="d", method="imp", seed=0)
    tokens = (b"PAR1", b"ARROW:schema", b"kurtosis", b"unit", b"\x15", b"\x19", b"\x1c", b"\x28", b"\0", b"\xff" * 8)

    def read(path: Path) -> None:
        read_table(path, "kurtosis_by_unit")

    return Reader(path, [path.read_bytes()], read, StoreError, (str(path),), tokens, seal_store)


READERS: dict[str, Callable[[Path], Reader]] = {
    make.__name__: make
    for make in (
        *(pickles, imagenet32_pickle, imagenet32_npz, cifar_archive, photos, configurations),
        *(dataset_facts, dataset_images, dataset_mean, masks, parameters, tables),
    )
}
"""By name: makes good files in an empty folder, and gives their reader."""
