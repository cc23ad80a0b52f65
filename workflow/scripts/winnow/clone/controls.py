"""What is no Gaussian clone but is made like one: draws clipped and rounded, and images with random phases."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.fft

from winnow.store.datasets import Dataset

Kind = Literal["exact", "clipped", "phases"]
"""A Gaussian clone; one that is clipped and rounded; images with their own power spectrum and random phases."""

_CHUNK = 512  # images whose phases are drawn, or whose range is looked for, at a time


@dataclass(frozen=True)
class Levels:
    """The 256 levels to which a clipped clone is rounded.

    Attributes:
        lowest: level 0, in the units of the pixels.
        step: from one level to the next, in these units.
        ridge: what is added to the diagonal of the covariance, in steps².
    """

    lowest: float
    step: float
    ridge: float = 1e-3

    def clip(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Images with the ridge's noise, rounded to the nearest level, and clipped to the first and the last.

        Args:
            images: (n, p) float32.
            rng: of the noise.

        Returns:
            (n, p) float32, in the units of the pixels.
        """
        noise = rng.standard_normal(images.shape, dtype=np.float32)
        level = (images.astype(np.float64) - self.lowest) / self.step + np.sqrt(self.ridge) * noise
        clipped = self.lowest + self.step * np.clip(np.rint(level), 0, 255)
        return np.asarray(clipped, np.float32)


def levels_of(source: Dataset) -> Levels:
    """The levels of a dataset's pixels: 0 to 255 of 8 bits, of others 256 over the range of the training pixels."""
    images = source.train.images
    if images.dtype == np.uint8:
        return Levels(0.0, 1.0)
    least, largest = np.inf, -np.inf
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK]
        least, largest = min(least, float(chunk.min())), max(largest, float(chunk.max()))
        source.train.release()
    return Levels(least, (largest - least) / 255 or 1.0)


def randomise_phases(images: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Images with the power spectrum of each, and its mean, but phases at random, alike in all channels.

    The phases are those of white noise, added to the image's own: uniform, independent between frequencies and images.
    Within an image the channels' phases keep their differences, and so their cross-spectra.  The spectrum is that of
    the image as if it were continued at its edges from the opposite ones.

    Args:
        images: (n, C · rows · columns).
        size: rows and columns.
        rng: of the phases.

    Returns:
        (n, C · rows · columns) float32.
    """
    out = np.empty(images.shape, np.float32)
    n_channels = images.shape[1] // (size[0] * size[1])
    for start in range(0, len(images), _CHUNK):
        x = images[start : start + _CHUNK].astype(np.float64).reshape(-1, n_channels, *size)
        noise = scipy.fft.rfft2(rng.standard_normal((len(x), 1, *size)))
        phase = noise / np.maximum(np.abs(noise), np.finfo(np.float64).tiny)
        phase[..., 0, 0] = 1
        out[start : start + _CHUNK] = scipy.fft.irfft2(scipy.fft.rfft2(x) * phase, s=size).reshape(len(x), -1)
    return out
