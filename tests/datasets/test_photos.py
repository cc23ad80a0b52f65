"""Patches of photographs: what is read, what is refused, and that validation shares no pixel with training."""

import logging
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from examples import examples
from winnow.datasets.files.photos import PhotosError, list_photos
from winnow.datasets.photos import Cut, prepare_photos
from winnow.datasets.pixels import _to_rgb, read_photo
from winnow.datasets.prepare import prepare_dataset
from winnow.store.datasets import open_dataset

SMALL = {"name": "photos", "side": 8, "tile": 24, "stride": 24, "train_per_class": 20, "validation_per_class": 5}


def painted(height: int, width: int, first: int = 0) -> np.ndarray:
    """A photograph whose every pixel has a colour of its own, which is its number."""
    number = first + np.arange(height * width).reshape(height, width)
    return np.stack([number >> 16, number >> 8 & 255, number & 255], axis=-1).astype(np.uint8)


def numbers(images: np.ndarray, side: int) -> np.ndarray:
    """The numbers of the pixels in painted patches: (n, side, side)."""
    planes = images.reshape(-1, 3, side, side).astype(np.int64)
    return planes[:, 0] << 16 | planes[:, 1] << 8 | planes[:, 2]


def save(path: Path, pixels: np.ndarray, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two painted photographs, of different size, one in a subfolder."""
    save(tmp_path / "photos/wide.png", painted(60, 100))
    save(tmp_path / "photos/trip/tall.png", painted(80, 50, first=6000))
    return tmp_path / "photos"


# -- validation shares no pixel with training --------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("flips", [True, False])
@pytest.mark.parametrize(
    ("tile", "stride"), [(24, 24), (24, 16), (24, 12), (24, 9), (16, 16), (30, 10), (20, 33), (16, 8)]
)
def test_no_pixel_is_shared(folder: Path, tmp_path: Path, tile: int, stride: int, flips: bool, seed: int) -> None:
    counts = {"train_per_class": 9, "validation_per_class": 5}
    cut = {"tile": tile, "stride": stride, "flips": flips}
    prepare_photos(tmp_path / "data", photos=folder, seed=seed, **{**SMALL, **cut, **counts})
    dataset = open_dataset(tmp_path / "data")
    shown = [set(numbers(split.images, 8).ravel()) for split in (dataset.train, dataset.validation)]
    assert shown[0].isdisjoint(shown[1])

    firsts = {"wide": (0, 100), "trip/tall": (6000, 50)}
    for split in (dataset.train, dataset.validation):
        for patch, label in zip(numbers(split.images, 8), split.labels, strict=True):
            photo, place = dataset.classes[label].rsplit("/", 1)
            row, column = (int(start) for start in place.split(","))
            first, width = firsts[photo]
            rows, columns = np.divmod(patch - first, width)
            step = columns[0, 1] - columns[0, 0]
            assert step == 1 or (flips and step == -1)
            assert (rows == rows[0, 0] + np.arange(8)[:, None]).all() and (
                columns == columns[0, 0] + step * np.arange(8)
            ).all()
            assert row <= rows.min() and rows.max() < row + tile
            assert column <= columns.min() and columns.max() < column + tile


def test_patches_of_a_class_are_different_and_all_can_be_drawn(folder: Path, tmp_path: Path) -> None:
    # A stripe of 8 of 24 pixels is held out: 9 offsets for training and 1 for validation, times 17, times 2 for flips.
    every = {"train_per_class": 9 * 17 * 2, "validation_per_class": 17 * 2}
    prepare_photos(tmp_path / "data", photos=folder, **{**SMALL, **every})
    dataset = open_dataset(tmp_path / "data")
    assert len(dataset.classes) == 2 * 4 + 3 * 2
    for split in (dataset.train, dataset.validation):
        assert len(np.unique(split.images, axis=0)) == len(split.images)
        assert (np.diff(split.labels) >= 0).all()
        assert set(np.bincount(split.labels)) == {len(split.images) // len(dataset.classes)}


@pytest.mark.parametrize(
    ("change", "fewest"),
    [
        ({"train_per_class": 307}, "fewest, 306 positions and flips"),
        ({"validation_per_class": 35}, "fewest, 34 positions and flips"),
        ({"validation_per_class": 18, "flips": False}, "fewest, 17 positions, .* or allow flips"),
    ],
)
def test_one_patch_too_many_is_refused_before_anything_is_written(
    folder: Path, tmp_path: Path, change: dict, fewest: str
) -> None:
    with pytest.raises(PhotosError, match=fewest) as error:
        prepare_photos(tmp_path / "data", photos=folder, **{**SMALL, **change})
    setting = next(iter(change))
    assert f"lower {setting}, enlarge tile (24)" in str(error.value) and "row 0, column 0" in str(error.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos"]


def test_overlap_without_room_for_training_says_so(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PhotosError, match=r"different train patches.*raise stride"):
        prepare_photos(tmp_path / "data", photos=folder, **{**SMALL, "tile": 16, "stride": 3})


@settings(deadline=None, max_examples=examples(200))
@given(
    st.integers(1, 12),
    st.integers(0, 40),
    st.integers(0, 20),
    st.integers(1, 60),
    st.integers(0, 150),
    st.integers(0, 10**6),
)
def test_every_tile_has_validation_patches(
    side: int, more: int, wider: int, stride: int, longer: int, seed: int
) -> None:
    cut = Cut(side, 2 * side + wider + more, stride, True, side + wider)
    length = cut.tile + longer
    held = cut.held_out(length, np.random.default_rng(seed))
    for start in cut.starts(length):
        train, validation = cut.candidates(held, start)
        windows = [held[start + offset : start + offset + side] for offset in range(cut.tile - side + 1)]
        assert list(train) == [offset for offset, window in enumerate(windows) if not window.any()]
        assert list(validation) == [offset for offset, window in enumerate(windows) if window.all()]
        assert len(validation) >= 1
        if stride >= cut.tile:
            assert len(validation) == wider + 1
            assert len(train) >= (cut.tile - 2 * side - wider + 1) // 2


# -- what is read ------------------------------------------------------------------------------------------------------


GREY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
COLOUR = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def as_rgb(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[:, :, None], 3, axis=2)


def test_colour_is_read_as_it_is(tmp_path: Path) -> None:
    save(tmp_path / "x.png", COLOUR)
    read = read_photo(tmp_path / "x.png")
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, COLOUR)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_greyscale(tmp_path: Path, suffix: str) -> None:
    save(tmp_path / f"x.{suffix}", GREY)
    np.testing.assert_array_equal(read_photo(tmp_path / f"x.{suffix}"), as_rgb(GREY))


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    save(tmp_path / f"x.{suffix}", GREY.astype(np.uint16) * 257 + 100)
    np.testing.assert_array_equal(read_photo(tmp_path / f"x.{suffix}"), as_rgb(GREY))


def test_floating_point_runs_from_zero_to_one(tmp_path: Path) -> None:
    save(tmp_path / "x.tif", GREY.astype(np.float32) / 255)
    np.testing.assert_array_equal(read_photo(tmp_path / "x.tif"), as_rgb(GREY))


@pytest.mark.parametrize("bad", [1.5, -0.1, np.nan])
def test_floating_point_of_unknown_range_is_refused(tmp_path: Path, bad: float) -> None:
    save(tmp_path / "x.tif", np.full((6, 8), bad, np.float32))
    with pytest.raises(PhotosError, match=r"outside 0\.\.1,"):
        read_photo(tmp_path / "x.tif")


def test_thirty_two_bits_of_unknown_range_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "x.tif", np.full((6, 8), 70000, np.int32))
    with pytest.raises(PhotosError, match=r"outside 0\.\.65535"):
        read_photo(tmp_path / "x.tif")


def test_one_bit_and_palette(tmp_path: Path) -> None:
    Image.fromarray(GREY).point(lambda value: 255 * (value > 99)).convert("1").save(tmp_path / "bit.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "bit.png"), as_rgb(np.where(GREY > 99, 255, 0)))
    few = COLOUR // 128 * 255
    Image.fromarray(few).quantize(8).save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "palette.png"), few)


def test_transparent_pixels_lie_on_white(tmp_path: Path) -> None:
    alpha = np.zeros((6, 8, 1), np.uint8)
    alpha[:, 4:] = 255
    alpha[0, 0] = 51  # a fifth
    expected = np.where(alpha == 255, COLOUR, 255)
    expected[0, 0] = np.rint(COLOUR[0, 0] * 0.2 + 255 * 0.8)
    save(tmp_path / "rgba.png", np.concatenate([COLOUR, alpha], axis=2))
    assert np.abs(read_photo(tmp_path / "rgba.png").astype(int) - expected).max() <= 1
    np.testing.assert_array_equal(read_photo(tmp_path / "rgba.png")[:, 1:], expected[:, 1:])
    grey_alpha = Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(alpha[:, :, 0])])
    grey_alpha.save(tmp_path / "la.png")
    np.testing.assert_array_equal(
        read_photo(tmp_path / "la.png")[:, 1:], as_rgb(np.where(alpha[:, 1:, 0], GREY[:, 1:], 255))
    )
    save(tmp_path / "keyed.png", GREY, transparency=int(GREY[2, 3]))
    expected = GREY.copy()
    expected[2, 3] = 255
    np.testing.assert_array_equal(read_photo(tmp_path / "keyed.png"), as_rgb(expected))


def test_transparent_palette_lies_on_white(tmp_path: Path) -> None:
    image = Image.new("P", (8, 6), 0)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.paste(1, (4, 0, 8, 6))
    image.save(tmp_path / "x.png", transparency=0)
    read = read_photo(tmp_path / "x.png")
    assert (read[:, :4] == 255).all() and (read[:, 4:] == [40, 50, 60]).all()


def png(depth: int, colour: int, rows: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of any depth from its rows as they are stored, (height, bytes), with more chunks before the pixels."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    header = struct.pack(">IIBBBBB", rows.shape[1] * 8 // depth // channels, len(rows), depth, colour, 0, 0, 0)
    pixels = zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes())
    parts = [(b"IHDR", header), *chunks, (b"IDAT", pixels), (b"IEND", b"")]
    made = [struct.pack(">I", len(c)) + kind + c + struct.pack(">I", zlib.crc32(kind + c)) for kind, c in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(made)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_transparent_grey_of_every_depth_lies_on_white(tmp_path: Path, depth: int) -> None:
    grey = np.arange(32).reshape(2, 16) % 2**depth if depth < 16 else np.arange(32).reshape(2, 16) * 257 + 3
    bits = np.unpackbits(grey.astype(">u2").view(np.uint8).reshape(2, 16, 2), axis=2)[:, :, 16 - depth :]
    key = int(grey[0, 1])
    (tmp_path / "x.png").write_bytes(
        png(depth, 0, np.packbits(bits.reshape(2, -1), axis=1), (b"tRNS", struct.pack(">H", key)))
    )
    expected = np.where(grey == key, 255, np.rint(grey * (255 / (2**depth - 1)))).astype(np.uint8)
    np.testing.assert_array_equal(read_photo(tmp_path / "x.png"), as_rgb(expected))


@pytest.mark.parametrize("depth", [8, 16])
def test_a_transparent_colour_of_every_depth_lies_on_white(tmp_path: Path, depth: int) -> None:
    colour = (COLOUR.astype(int) * (257 if depth == 16 else 1)).astype(">u2")
    if depth == 16:
        colour[0, 0], colour[0, 1] = colour[1, 1] + 1, colour[1, 1] - 1  # other colours, though not in eight bits
    rows = colour.view(np.uint8).reshape(6, -1) if depth == 16 else COLOUR.reshape(6, -1)
    (tmp_path / "x.png").write_bytes(png(depth, 2, rows, (b"tRNS", colour[1, 1].tobytes())))
    expected = (colour >> (depth - 8)).astype(np.uint8)
    expected[1, 1] = 255
    np.testing.assert_array_equal(read_photo(tmp_path / "x.png"), expected)


def test_sixteen_bits_with_transparency_lie_on_white(tmp_path: Path) -> None:
    alpha = np.repeat([[0, 65535]], 6, axis=0).repeat(4, axis=1)
    for colour, channels in ((4, 1), (6, 3)):
        pixels = np.dstack([COLOUR[:, :, :channels].astype(int) * 257, alpha]).astype(">u2")
        (tmp_path / "x.png").write_bytes(png(16, colour, pixels.view(np.uint8).reshape(6, -1)))
        expected = np.where(alpha[:, :, None] == 0, 255, COLOUR if channels == 3 else as_rgb(COLOUR[:, :, 0]))
        np.testing.assert_array_equal(read_photo(tmp_path / "x.png"), expected)


@pytest.mark.parametrize("mode", ["LA", "PA", "La", "RGBa", "RGBA"])
def test_every_mode_with_transparency_lies_on_white(mode: str) -> None:
    image = Image.new("RGBA", (2, 1), (40, 40, 40, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    if mode == "PA":
        image = Image.new("PA", (2, 1), (1, 255))
        image.putpalette([0, 0, 0, 40, 40, 40])
        image.putpixel((1, 0), (0, 0))
    else:
        image = image.convert("LA").convert(mode) if mode == "La" else image.convert(mode)
    assert np.asarray(_to_rgb(image))[0].tolist() == [[40] * 3, [255] * 3]


# -- metadata ----------------------------------------------------------------------------------------------------------


ROWS = COLOUR.reshape(6, -1)
LARGE = zlib.compress(bytes(5 << 20))
TURNED = Image.Exif()
TURNED[0x0112] = 3


@pytest.mark.parametrize(
    "chunks",
    [
        [(b"iCCP", b"large\0\0" + LARGE)],
        [(b"iCCP", b"other\0\7" + LARGE)],
        [(b"zTXt", b"Comment\0\0" + LARGE)],
        [(b"iTXt", b"Comment\0\1\0\0\0" + LARGE)],
        [(b"tEXt", b"Comment\0" + bytes(1 << 16))] * 2000,
        [(b"eXIf", b"MM\0*\xff\xff\xff\xff")],
        [(b"eXIf", b"")],
        [(b"eXIf", b"no EXIF")],
        [(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n9\nnothing"))],
        [(b"pHYs", b"1")],
        [(b"gAMA", b"")],
    ],
    ids=lambda chunks: f"{len(chunks)} {chunks[0][0].decode()} {chunks[0][1][:12]!r}",
)
def test_metadata_of_a_png_do_not_decide_whether_it_is_read(tmp_path: Path, chunks: list[tuple[bytes, bytes]]) -> None:
    (tmp_path / "x.png").write_bytes(png(8, 2, ROWS, *chunks))
    np.testing.assert_array_equal(read_photo(tmp_path / "x.png"), COLOUR)
    if chunks[0][0] != b"eXIf":
        (tmp_path / "x.png").write_bytes(png(8, 2, ROWS, *chunks, (b"eXIf", TURNED.tobytes()[6:])))
        np.testing.assert_array_equal(read_photo(tmp_path / "x.png"), COLOUR[::-1, ::-1])


def test_a_wrong_checksum_counts_where_pixels_are(tmp_path: Path) -> None:
    content = png(8, 2, ROWS, (b"tEXt", b"Comment\0x"))
    for kind, read in ((b"tEXt", True), (b"IDAT", False)):
        damaged = bytearray(content)
        damaged[content.index(kind) + 12] ^= 1
        (tmp_path / "x.png").write_bytes(damaged)
        if read:
            np.testing.assert_array_equal(read_photo(tmp_path / "x.png"), COLOUR)
        else:
            with pytest.raises(PhotosError, match=r"^cannot be decoded"):
                read_photo(tmp_path / "x.png")


@pytest.mark.parametrize("suffix", ["png", "webp", "jpg", "avif"])
def test_broken_exif_does_not_decide_whether_an_image_is_read(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == "webp" else {}
    save(tmp_path / f"good.{suffix}", COLOUR, **options)
    exif = Image.Exif()
    exif[0x010E] = "a description"
    save(tmp_path / f"x.{suffix}", COLOUR, exif=exif, **options)
    content = (tmp_path / f"x.{suffix}").read_bytes()
    good = read_photo(tmp_path / f"good.{suffix}")
    start = exif.tobytes()[6:]
    assert start in content
    for noise in (b"\xff", b"\x00", b"x"):
        (tmp_path / f"x.{suffix}").write_bytes(content.replace(start, noise * len(start)))
        np.testing.assert_array_equal(read_photo(tmp_path / f"x.{suffix}"), good)


def test_cmyk(tmp_path: Path) -> None:
    ink = np.zeros((6, 8, 4), np.uint8)
    ink[:, :3, 0], ink[:, 3:5, 3] = 255, 255
    Image.fromarray(ink, "CMYK").save(tmp_path / "x.tif")
    read = read_photo(tmp_path / "x.tif")
    assert (read[:, :3] == [0, 255, 255]).all() and (read[:, 3:5] == 0).all() and (read[:, 5:] == 255).all()
    Image.fromarray(ink, "CMYK").save(tmp_path / "x.jpg", quality=100)
    assert np.abs(read_photo(tmp_path / "x.jpg").astype(int) - read).mean() < 30


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (2, lambda x: x[:, ::-1]),
        (3, lambda x: x[::-1, ::-1]),
        (6, lambda x: np.rot90(x, -1)),
        (8, lambda x: np.rot90(x)),
    ],
)
@pytest.mark.parametrize("pixels", [COLOUR, GREY.astype(np.uint16) * 257])
def test_exif_orientation(tmp_path: Path, orientation: int, upright, pixels: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(tmp_path / "x.png", pixels, exif=exif)
    expected = pixels if pixels.ndim == 3 else as_rgb(GREY)
    np.testing.assert_array_equal(read_photo(tmp_path / "x.png"), upright(expected))


def test_first_frame_of_several(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    assert (read_photo(tmp_path / "x.gif") == [255, 0, 0]).all()


def test_shrinking_takes_box_means(tmp_path: Path) -> None:
    save(tmp_path / "x.png", COLOUR)
    means = COLOUR.reshape(3, 2, 4, 2, 3).mean(axis=(1, 3))
    assert np.abs(read_photo(tmp_path / "x.png", 0.5) - means).max() <= 1


@pytest.mark.parametrize("scale", [0.9, 0.75, 2 / 3, 0.61, 0.5, 0.37, 1 / 3, 0.21])
def test_no_pixel_of_the_file_enters_two_pixels(tmp_path: Path, scale: float) -> None:
    # A white diagonal stays on the diagonal only if neighbouring boxes do not overlap.
    save(tmp_path / "x.png", as_rgb(np.eye(97, dtype=np.uint8) * 255))
    shrunk = read_photo(tmp_path / "x.png", scale)[:, :, 0].astype(int)
    assert shrunk.shape == (round(97 * scale),) * 2
    assert (np.diag(shrunk) > 0).all() and shrunk.sum() == np.trace(shrunk)


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_files_that_cannot_be_used_are_listed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "notes.txt").write_text("the lake, in May\n")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "page.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\nshowpage\n")
    noise = np.random.default_rng(1).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    for name in ("cut.png", "cut.jpg"):
        save(folder / name, noise)
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
    save(folder / "small.png", painted(23, 90))
    save(folder / "yy copy.png", painted(60, 100))
    save(folder / "huge.png", np.zeros((300, 300), np.uint8))
    (folder / "gone.jpg").symlink_to(folder / "nowhere.jpg")
    (folder / ".hidden.png").write_text("not to be looked at")
    (folder / ".cache").mkdir()
    (folder / ".cache/thumb.png").write_text("not to be looked at")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40_000)
    with caplog.at_level(logging.WARNING):
        prepare_photos(tmp_path / "data", photos=folder, **SMALL)
    dataset = open_dataset(tmp_path / "data")
    why = {entry["file"]: entry["why"] for entry in dataset.source["unusable"]}
    expected = {
        "cut.jpg": "cannot be decoded (OSError: ",
        "cut.png": "cannot be decoded (",
        "empty.jpg": "is not one of AVIF, BMP, ",
        "gone.jpg": "is no regular file",
        "huge.png": "cannot be decoded (DecompressionBombError: ",
        "notes.txt": "is not one of AVIF, BMP, ",
        "page.eps": "is not one of AVIF, BMP, ",
        "small.png": "is too small: 90 x 23 pixels after scaling, a tile needs 24",
        "yy copy.png": "has the same pixels as wide.png",
    }
    assert list(why) == sorted(expected)
    for file, reason in expected.items():
        assert why[file].startswith(reason)
        assert f"{file} is not used: it {why[file]}" in caplog.text
    assert str(tmp_path) not in " ".join(why.values())
    assert {name.rsplit("/", 1)[0] for name in dataset.classes} == {"wide", "trip/tall"}


def test_large_photographs_raise_no_warning(folder: Path, monkeypatch: pytest.MonkeyPatch, recwarn) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4_000)
    read_photo(folder / "wide.png")
    assert not recwarn.list


def test_nothing_usable(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.txt").write_text("a")
    save(tmp_path / "photos/b.png", painted(10, 10))
    with pytest.raises(PhotosError) as error:
        prepare_photos(tmp_path / "data", photos=tmp_path / "photos", **SMALL)
    for part in (str(tmp_path / "photos"), "a.txt is not one of", "b.png is too small"):
        assert part in str(error.value)
    assert not (tmp_path / "data").exists()


def test_folders_without_photographs(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(PhotosError, match="is no folder"):
        list_photos(tmp_path / "missing")
    with pytest.raises(PhotosError, match="is no folder"):
        list_photos(folder / "wide.png")
    (tmp_path / "bare").mkdir()
    with pytest.raises(PhotosError, match="holds no file"):
        list_photos(tmp_path / "bare")
    with pytest.raises(PhotosError, match="add_grey goes with photos: bundled"):
        list_photos(folder, add_grey=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tile": 15}, r"tile \(15\) must be at least 16"),
        ({"side": 0}, r"side \(0\)"),
        ({"stride": 0}, r"stride \(0\)"),
        ({"scale": 0.0}, r"scale \(0.0\)"),
        ({"scale": 1.5}, r"scale \(1.5\)"),
        ({"train_per_class": 0}, r"train_per_class \(0\)"),
        ({"validation_per_class": 0}, r"validation_per_class \(0\)"),
        ({"min_contrast": 300.0}, "wide.png has no tile of the contrast asked for"),
    ],
)
def test_settings_that_make_no_sense(folder: Path, tmp_path: Path, change: dict, message: str) -> None:
    with pytest.raises(PhotosError, match=message):
        prepare_photos(tmp_path / "data", photos=folder, **{**SMALL, **change})
    assert not (tmp_path / "data").exists()


def test_flat_tiles_are_skipped(tmp_path: Path) -> None:
    photo = np.full((48, 48, 3), [250, 10, 10], np.uint8)  # a red sky: flat, though its channels differ
    photo[24:, :24] = np.random.default_rng(0).integers(0, 256, (24, 24, 3))
    save(tmp_path / "photos/x.png", photo)
    prepare_photos(tmp_path / "data", photos=tmp_path / "photos", min_contrast=5.0, **SMALL)
    dataset = open_dataset(tmp_path / "data")
    assert dataset.classes == ("x/24,0",)
    assert dataset.source["tiles_skipped"] == 3
    assert dataset.source["photographs"] == [
        {"file": "x.png", "height": 48, "width": 48, "tiles": 1, "tiles_skipped": 3}
    ]


# -- the dataset depends on nothing but the settings -------------------------------------------------------------------


def facts(path: Path) -> bytes:
    return (path / "facts.json").read_bytes()  # with the arrays' checksums


def test_runs_repeat_whatever_the_order_of_the_listing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(folder / "middle.png", painted(40, 40, first=20000))
    prepare_photos(tmp_path / "a", photos=folder, **SMALL)
    walk = os.walk

    def backwards(*args: object, **kwargs: object):
        for directory, subfolders, files in walk(*args, **kwargs):
            subfolders.reverse()
            yield directory, subfolders, sorted(files, reverse=True)

    monkeypatch.setattr(os, "walk", backwards)
    prepare_photos(tmp_path / "b", photos=folder, **SMALL)
    assert facts(tmp_path / "a") == facts(tmp_path / "b")


def test_another_photograph_changes_no_other_patch(folder: Path, tmp_path: Path) -> None:
    prepare_photos(tmp_path / "a", photos=folder, **SMALL)
    save(folder / "trip/another.png", painted(60, 60, first=20000))
    prepare_photos(tmp_path / "b", photos=folder, **SMALL)
    before, after = open_dataset(tmp_path / "a"), open_dataset(tmp_path / "b")
    assert set(before.classes) < set(after.classes)
    for k, name in enumerate(before.classes):
        for old, new in ((before.train, after.train), (before.validation, after.validation)):
            images = new.images[new.labels == after.classes.index(name)]
            np.testing.assert_array_equal(images, old.images[old.labels == k])


@pytest.mark.parametrize("change", [{"seed": 1}, {"name": "other"}])
def test_seed_and_name_change_the_patches(folder: Path, tmp_path: Path, change: dict) -> None:
    prepare_photos(tmp_path / "a", photos=folder, **SMALL)
    prepare_photos(tmp_path / "b", photos=folder, **{**SMALL, **change})
    a, b = open_dataset(tmp_path / "a"), open_dataset(tmp_path / "b")
    assert (a.train.images != b.train.images).any()


def test_stripes_differ_between_photographs_and_seeds(tmp_path: Path) -> None:
    save(tmp_path / "photos/x.png", painted(24, 24))
    held = set()
    for seed in range(20):
        prepare_photos(
            tmp_path / "data", photos=tmp_path / "photos", seed=seed, **{**SMALL, "validation_per_class": 34}
        )
        shown = set(numbers(open_dataset(tmp_path / "data").validation.images, 8).ravel())
        assert len(shown) == 8 * 24
        held.add(min(shown) * 1000 + max(shown))
    assert len(held) == 4  # left, right, top, bottom


def test_stripes_begin_at_any_tile_where_tiles_overlap() -> None:
    cut = Cut(8, 24, 8, True)
    drawn = {tuple(np.flatnonzero(cut.held_out(96, np.random.default_rng(seed)))[:8]) for seed in range(30)}
    assert drawn == {tuple(range(first, first + 8)) for first in (0, 8, 16)}


def test_photographs_have_their_own_streams(tmp_path: Path) -> None:
    for file, first in {"a.png": 0, "b.png": 1000}.items():
        save(tmp_path / "photos" / file, painted(24, 24, first))
    for seed in range(12):
        prepare_photos(tmp_path / "data", photos=tmp_path / "photos", seed=seed, **SMALL)
        a, b = np.split(numbers(open_dataset(tmp_path / "data").train.images, 8)[:, 0, 0], 2)
        assert (a != b - 1000).any()


def test_names_are_told_apart(tmp_path: Path) -> None:
    photos = {"x.png": 0, "x.bmp": 1000, "b/x.png": 2000, "é.png": 3000}
    for file, first in photos.items():
        save(tmp_path / "photos" / file, painted(24, 24, first))
    prepare_photos(tmp_path / "data", photos=tmp_path / "photos", **SMALL)
    assert open_dataset(tmp_path / "data").classes == ("b/x/0,0", "x.bmp/0,0", "x.png/0,0", "é/0,0")


def test_linked_folders_are_entered_once(folder: Path, tmp_path: Path) -> None:
    save(tmp_path / "elsewhere/far.png", painted(30, 30, first=30000))
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / "trip/up").symlink_to(folder)
    found = [path.relative_to(folder).as_posix() for path in list_photos(folder)]
    assert found == ["link/far.png", "trip/tall.png", "wide.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with open(os.fsencode(tmp_path / "photos") + b"/\xff.png", "wb") as file:  # noqa: PTH123
        Image.fromarray(painted(24, 24)).save(file, "PNG")
    prepare_photos(tmp_path / "data", photos=tmp_path / "photos", **SMALL)
    assert open_dataset(tmp_path / "data").classes == ("\\udcff/0,0",)


# -- the bundled photographs -------------------------------------------------------------------------------------------


def test_bundled_photographs_lie_in_the_wheels() -> None:
    colour, all_ = list_photos(), list_photos("bundled", add_grey=True)
    stems = ["astronaut", "chelsea", "china", "coffee", "flower", "motorcycle_left", "rocket"]
    assert [path.stem for path in colour] == stems
    grey = set(all_) - set(colour)
    assert {path.stem for path in grey} == {"brick", "camera", "coins", "grass", "gravel", "moon"}
    assert all((read_photo(path) == read_photo(path)[:, :, :1]).all() for path in grey)
    assert all((read_photo(path) != read_photo(path)[:, :, :1]).any() for path in colour)


def test_listing_imports_none_of_the_packages() -> None:
    code = (
        "import sys; from winnow.datasets.files.photos import list_photos; assert len(list_photos()) == 7;"
        "print([name for name in ('skimage', 'sklearn', 'scipy', 'torch', 'pooch') if name in sys.modules])"
    )
    library = Path(__file__).parents[2] / "workflow/scripts"
    printed = subprocess.run([sys.executable, "-c", code], cwd=library, capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "[]"


def test_bundled_dataset(tmp_path: Path) -> None:
    prepare_dataset(tmp_path / "data", source="photos", name="photos", train_per_class=3, validation_per_class=2)
    dataset = open_dataset(tmp_path / "data")
    assert dataset.shape == (3, 32, 32) and dataset.pixel_scale == 255 and dataset.train.images.dtype == np.uint8
    assert dataset.source["unusable"] == [] and dataset.source["photos"] == "bundled"
    astronaut = read_photo(list_photos()[0])
    image, name = dataset.train.images[0].reshape(3, 32, 32), dataset.classes[dataset.train.labels[0]]
    assert name == "astronaut/0,0"
    windows = np.lib.stride_tricks.sliding_window_view(astronaut[:96, :96], (32, 32), axis=(0, 1))
    found = [(windows == candidate).all(axis=(2, 3, 4)).sum() for candidate in (image, image[:, :, ::-1])]
    assert sum(found) == 1


def test_unknown_source(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="dataset x: there is no source 'photo'; choose one of photos, nlgp"):
        prepare_dataset(tmp_path / "data", source="photo", name="x")
