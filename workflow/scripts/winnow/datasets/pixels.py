"""The pixels of an image file, whatever its format and mode, as eight-bit RGB.

Metadata never decides whether pixels are read: colour profiles, text and EXIF that are damaged, or larger than Pillow
takes, are left out.
"""

import io
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from winnow.datasets.files.photos import PhotosError

_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PNG = b"\x89PNG\r\n\x1a\n"
# Chunks of which pixels are made, those of animations among them; all others are metadata.
_OF_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT")
# Where AVIF says that an item is EXIF.
_AVIF_EXIF = re.compile(rb"(infe\x02.{7}|infe\x03.{9})Exif", re.DOTALL)
_STEP = {"L;2": 85, "L;4": 17}
"""Raw modes whose grey values are spread over 0..255 as they are read: by which factor."""


def read_photo(path: str | Path, scale: float = 1.0) -> np.ndarray:
    """Read a photograph as eight-bit RGB, upright, and shrink it.

    Greyscale becomes three equal channels, 16-bit values are divided by 257 (floating-point ones run from 0 to 1),
    transparent pixels are laid on white, CMYK and palettes are converted (colour profiles are not applied), the EXIF
    orientation is applied where it can be read; of several frames the first is taken.  Shrinking takes the mean over a
    box, as ImageNet32 was made, so that no pixel of the file enters two pixels of the result.

    Args:
        path: the file.
        scale: factor on width and height, 0 < scale <= 1.

    Returns:
        (height, width, 3) uint8.

    Raises:
        PhotosError: the file cannot be read; the message says why, without the path.
    """
    path = Path(path)
    if not path.is_file():
        raise PhotosError("is no regular file (perhaps a link to a missing one)")
    with warnings.catch_warnings():
        # Pillow warns above 89 million pixels, which is a large photograph, and refuses twice as many.
        warnings.simplefilter("ignore")
        try:
            image = _decode(path)
        except PhotosError:
            raise
        except Exception as error:  # a damaged file makes Pillow raise almost anything, and must not stop the others
            image = _decode_bare(path, error)
    if scale != 1.0:
        size = [max(1, round(length * scale)) for length in image.size]
        image = image.resize(size, Image.Resampling.BOX)
    return np.array(image)


def _decode(source: Path | io.BytesIO) -> Image.Image:
    with Image.open(source, formats=_FORMATS) as file:
        raw_mode = file.tile[0][3] if file.format == "PNG" and file.tile else None
        file.load()
        if "transparency" in file.info:
            _correct_key(file, raw_mode, source)
        method = _UPRIGHT.get(_orientation(file))
        return _to_rgb(file if method is None else file.transpose(method))


def _decode_bare(path: Path, error: Exception) -> Image.Image:
    """Decode a file without its metadata, if that is what the error is about.

    Raises:
        PhotosError: it is not.
    """
    try:
        if (content := _bare(path)) is not None:
            return _decode(io.BytesIO(content))
    except PhotosError:
        raise
    except Exception:  # as before
        pass
    if isinstance(error, UnidentifiedImageError):
        raise PhotosError(f"is not one of {', '.join(_FORMATS)}") from None
    raise PhotosError(f"cannot be decoded ({type(error).__name__}: {error})") from error


def _bare(path: Path) -> bytes | None:
    """A PNG or AVIF without the metadata that Pillow reads before the pixels; None for other formats."""
    with path.open("rb") as file:
        start = file.read(12)
        if start.startswith(_PNG):
            file.seek(len(_PNG))
            return _PNG + b"".join(_chunks_of_pixels(file))
        if start[4:] == b"ftypavif":
            return _AVIF_EXIF.sub(rb"\1none", start + file.read())
    return None


def _chunks_of_pixels(file: IO[bytes]) -> Iterator[bytes]:
    while len(header := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", header)
        content, checksum = file.read(length), file.read(4)
        if kind in _OF_PIXELS or (kind == b"eXIf" and checksum == struct.pack(">I", zlib.crc32(kind + content))):
            yield header + content + checksum


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged EXIF, of which Pillow may raise almost anything
        return 1


def _correct_key(file: Image.Image, raw_mode: object, source: Path | io.BytesIO) -> None:
    """Say which colour of a PNG is transparent as its pixels are read, not as they are stored."""
    key = file.info["transparency"]
    if raw_mode == "RGB;16B":  # of which Pillow keeps the high bytes
        file.info.pop("transparency")
        high = np.asarray(file)
        with Image.open(source, formats=["PNG"]) as again:
            again.tile = [again.tile[0]._replace(args="RGB;16L")]  # the low bytes
            low = np.asarray(again)
        clear = (high == [value >> 8 for value in key]).all(axis=2) & (low == [value & 255 for value in key]).all(
            axis=2
        )
        file.putalpha(Image.fromarray(np.where(clear, 0, 255).astype(np.uint8)))
    elif raw_mode in _STEP:
        step = _STEP[str(raw_mode)]
        file.info["transparency"] = key % (255 // step + 1) * step
    elif raw_mode == "L":
        file.info["transparency"] = key & 255
    elif raw_mode == "RGB":
        file.info["transparency"] = tuple(value & 255 for value in key)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode[0] in "IF":  # one channel of 16 or 32 bits, which Pillow's own conversion would clip at 255
        values = np.asarray(image)
        limit = 1 if image.mode == "F" else 65535
        if not (values.min() >= 0 and values.max() <= limit):
            raise PhotosError(f"has pixels outside 0..{limit}, so that black and white are not known")
        grey = np.rint(values.astype(np.float32) * np.float32(255 / limit)).astype(np.uint8)
        if "transparency" in image.info:
            grey[values == image.info["transparency"]] = 255
        return Image.fromarray(grey).convert("RGB")
    if image.has_transparency_data:
        image = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image)
        image = white
    return image.convert("RGB")
