"""Synthetic images with a dial from Gaussian to sharp-edged: the nonlinear Gaussian process of Ingrosso & Goldt.

`z` is a Gaussian process on an L x L torus with unit variance and correlation length `xi`; the image is

    x = erf(g z) / Z(g),    Z(g)^2 = (2 / pi) asin(2 g^2 / (1 + 2 g^2)),

which has zero mean and unit variance for every gain `g`.  As `g -> 0` it becomes `z` itself, Gaussian; as `g` grows the
pixels saturate at +-1, with sharp edges between them.  A class is a correlation length.  (A. Ingrosso, S. Goldt,
"Data-driven emergence of convolutional structure in neural networks", PNAS 119, e2201854119, 2022.)
"""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from winnow.store.datasets import new_dataset
from winnow.streams import stream

# Below this gain x and z differ by less than a float32 can tell: the relative difference is of the order of g^2.
_GAUSSIAN_GAIN = 1e-4
_ROUNDING = 1e-9  # of the largest eigenvalue
_CHUNK = 512


class NlgpError(ValueError):
    """Settings that describe no nonlinear Gaussian process; the message says which and what to change."""


def torus_correlation(side: int, xi: float) -> np.ndarray:
    """Correlation of `z` along one axis; that of two pixels is the product over the axes.

    The covariance exp(-|d|^2 / xi^2) is wrapped around the torus: summed over all periodic images of the distance and
    divided by its value at zero.  With the nearest image alone it would be no covariance when xi is not small against L
    (its Fourier transform becomes negative); the two agree when xi << L.

    Args:
        side: L, pixels.
        xi: correlation length, pixels; from about L on the correlation is 1 everywhere, that is, z is uniform.

    Returns:
        (L,) float64, the correlation at distances 0 ... L - 1.
    """
    reach = 2 + math.ceil(6.5 * xi / side)
    images = np.arange(-reach, reach + 1)
    distances = np.arange(side)[:, None] + side * images
    correlation: np.ndarray = np.exp(-((distances / xi) ** 2)).sum(axis=1)
    correlation /= correlation[0]
    return correlation


def nlgp_covariance(side: int, xi: float, gain: float) -> np.ndarray:
    """Covariance of the images in closed form, E[x x'] = (2 / pi) asin(2 g^2 rho / (1 + 2 g^2)) / Z(g)^2.

    Args:
        side: L, pixels.
        xi: correlation length, pixels.
        gain: g; 0 is the Gaussian limit, where the covariance is that of `z`.

    Returns:
        (L, L) float64: the covariance of two pixels that are so many rows and columns apart (on the torus).
    """
    axis = torus_correlation(side, xi)
    rho = np.outer(axis, axis)
    if gain < _GAUSSIAN_GAIN:
        return rho
    share = 1 / (1 + 0.5 / (gain * gain))
    return np.arcsin(share * rho) / math.asin(share)


def sample_nlgp(n: int, *, side: int, xi: float, gain: float, channels: int, rng: np.random.Generator) -> np.ndarray:
    """Draw images.

    White noise is multiplied in Fourier space by the square root of the covariance's eigenvalues, which on a torus are
    its Fourier transform: exact, and O(L^2 log L) an image.

    Args:
        n: number of images.
        side: L, pixels.
        xi: correlation length, pixels.
        gain: g; 0 gives the Gaussian limit x = z.
        channels: C; the channels are independent.
        rng: the random generator.

    Returns:
        (n, C * L * L) float32.

    Raises:
        NlgpError: the covariance has a negative eigenvalue (more negative than rounding makes it).
    """
    root = spectrum_root(np.fft.fft(torus_correlation(side, xi)).real)
    if root is None:
        raise NlgpError(f"correlation length {xi} on a torus of {side} pixels has no non-negative spectrum")
    z = filter_noise(n, np.outer(root, root), channels, rng)
    return saturate(z, gain).reshape(n, channels * side * side)


def spectrum_root(eigenvalues: np.ndarray) -> np.ndarray | None:
    """Roots of a covariance's eigenvalues, any shape; None where one is more negative than rounding makes it.

    No Gaussian process has such a covariance.
    """
    if eigenvalues.min() < -_ROUNDING * eigenvalues.max():
        return None
    root: np.ndarray = np.sqrt(np.clip(eigenvalues, 0, None))
    return root


def filter_noise(n: int, root: np.ndarray, channels: int, rng: np.random.Generator) -> np.ndarray:
    """Draw Gaussian images with given eigenvalues of the covariance.

    Args:
        n: number of images.
        root: (L, L), roots of the eigenvalues: of the covariance's Fourier transform on the torus.
        channels: C; the channels are independent.
        rng: the random generator.

    Returns:
        (n, C, L, L) float32.
    """
    side = len(root)
    noise = rng.standard_normal((n, channels, side, side), dtype=np.float32)
    filter_ = root[:, : side // 2 + 1].astype(np.float32)
    return np.fft.irfft2(np.fft.rfft2(noise) * filter_, s=(side, side)).astype(np.float32, copy=False)


def saturate(z: np.ndarray, gain: float) -> np.ndarray:
    """erf(g z) / Z(g), of unit variance where z has it; z itself in the Gaussian limit."""
    if gain < _GAUSSIAN_GAIN:
        return z
    from scipy.special import erf  # here, since it takes longer to import than everything else in this module

    norm = math.sqrt(2 / math.pi * math.asin(1 / (1 + 0.5 / (gain * gain))))
    return erf(np.float32(gain) * z) / np.float32(norm)


def prepare_nlgp(
    folder: str | Path,
    *,
    name: str,
    side: int,
    correlation_lengths: Sequence[float],
    gain: float,
    train_per_class: int,
    validation_per_class: int,
    channels: int = 1,
    seed: int = 0,
) -> None:
    """Write a dataset of nonlinear Gaussian processes: (N, C * L * L) float32, zero mean and unit variance.

    The images of a class depend on `name`, `seed` and the correlation length alone.

    Args:
        folder: the dataset to write.
        name: the dataset's name.
        side: L, pixels.
        correlation_lengths: one class each, pixels, above 0 and at most L.
        gain: g >= 0; 0 is the Gaussian limit.
        train_per_class: training images per class.
        validation_per_class: validation images per class.
        channels: C, independent of each other.
        seed: seed of the draws.

    Raises:
        NlgpError: settings that make no sense.
    """
    if not (math.isfinite(gain) and gain >= 0):
        raise NlgpError(f"gain ({gain}) must be a finite number, 0 (Gaussian) or above")
    write_classes(
        folder,
        lambda n, xi, rng: sample_nlgp(n, side=side, xi=xi, gain=gain, channels=channels, rng=rng),
        side=side,
        correlation_lengths=correlation_lengths,
        train_per_class=train_per_class,
        validation_per_class=validation_per_class,
        channels=channels,
        source={
            "source": "nlgp",
            "name": name,
            "correlation_lengths": [float(xi) for xi in correlation_lengths],
            "gain": gain,
            "seed": seed,
        },
    )


def write_classes(
    folder: str | Path,
    draw: Callable[[int, float, np.random.Generator], np.ndarray],
    *,
    side: int,
    correlation_lengths: Sequence[float],
    train_per_class: int,
    validation_per_class: int,
    channels: int,
    source: Mapping[str, Any],
) -> None:
    """Write a dataset whose classes are correlation lengths: (N, C * L * L) float32, in units of their deviation.

    Args:
        folder: the dataset to write.
        draw: so many images of a correlation length, (n, C * L * L), from a random generator.
        side: L, pixels.
        correlation_lengths: one class each, pixels, above 0 and at most L.
        train_per_class: training images per class.
        validation_per_class: validation images per class.
        channels: C.
        source: what the dataset's facts say of it; `source`, `name` and `seed` name the random streams.

    Raises:
        NlgpError: settings that make no sense.
    """
    lengths = [float(xi) for xi in correlation_lengths]
    if not lengths or not all(0 < xi <= side for xi in lengths):
        raise NlgpError(
            f"correlation_lengths ({lengths}) must be one or more numbers, each above 0 and at most the side ({side}): "
            "longer ones make every image uniform"
        )
    if len(set(lengths)) < len(lengths):
        raise NlgpError(f"correlation_lengths ({lengths}) must differ: each is a class")
    counts = {"train": train_per_class, "validation": validation_per_class}
    settings = {"side": side, "channels": channels, "train_per_class": train_per_class}
    for setting, value in {**settings, "validation_per_class": validation_per_class}.items():
        if value < 1:
            raise NlgpError(f"{setting} ({value}) must be at least 1")
    with new_dataset(
        folder,
        shape=(channels, side, side),
        classes=[f"xi={xi:.12g}" for xi in lengths],
        n_train=len(lengths) * train_per_class,
        n_validation=len(lengths) * validation_per_class,
        dtype=np.float32,
        pixel_scale=1.0,
        source=source,
    ) as splits:
        for split, (which, n) in zip(splits, counts.items(), strict=True):
            split.labels[:] = np.repeat(np.arange(len(lengths)), n)
            for k, xi in enumerate(lengths):
                rng = stream(source["source"], source["name"], source["seed"], repr(xi), which)
                for start in range(0, n, _CHUNK):
                    chunk = slice(k * n + start, k * n + min(start + _CHUNK, n))
                    split.images[chunk] = draw(chunk.stop - chunk.start, xi, rng)
