"""Gaussian clones: datasets with the mean and covariance of another, class by class, and no higher cumulant (App. B.1).

With `n` fit images of a class the covariance is `A^T A`, `A = (x - mean) / sqrt(n - 1)`, of rank `n - 1`.  An image of
the clone is `mean + A^T g`, `g ~ N(0, I_n)`: exactly the fitted Gaussian, without a ridge and without factorising the
covariance.  The values are neither clipped nor rounded: either would put back higher cumulants.

A clone comes with its certificate: how far mean and covariance of the drawn images are from the fit, and their
kurtosis, each beside what is to be expected of so many draws from a Gaussian.  All of it holds within a class: over
several classes a clone is a mixture of Gaussians.

Two controls are made the same way and are no such clones, which their certificates show: draws that are clipped and
rounded, as by the code that the paper follows (`Levels`), and images whose phases are drawn anew (`randomise_phases`).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import scipy.fft
from threadpoolctl import threadpool_limits

from winnow.store.datasets import Dataset, new_dataset, open_dataset
from winnow.store.tables import write_table
from winnow.streams import stream

N_DIRECTIONS = 64
"""Directions, of each kind, over which the certificate averages the kurtosis."""


Kind = Literal["exact", "clipped", "phases"]
"""A Gaussian clone; one that is clipped and rounded; images with their own power spectrum and random phases."""

_CHUNK = 512  # images whose phases are drawn, or whose range is looked for, at a time


class CloneError(ValueError):
    """A dataset or settings that no clone can be fitted to; the message says which class and what to change."""


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian with covariance `root.T @ root`.

    Attributes:
        mean: (p,) float64.
        root: (k, p) float32, k = min(n, p).
        n_fit: n, the images it was fitted to.
    """

    mean: np.ndarray
    root: np.ndarray
    n_fit: int

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw n images: (n, p) float32."""
        noise = rng.standard_normal((n, len(self.root)), dtype=np.float32)
        images: np.ndarray = noise @ self.root
        images += self.mean.astype(np.float32)
        return images


def fit_gaussian(images: np.ndarray) -> Gaussian:
    """Fit mean and (unbiased) covariance.

    Args:
        images: (n, p), n >= 2.
    """
    n, p = images.shape
    mean, root = _moments(images)
    if n > p:  # R of root = QR has the same R^T R, and needs fewer random numbers and products
        return Gaussian(mean, np.asarray(np.linalg.qr(root, mode="r")), n)
    return Gaussian(mean, root, n)


def _moments(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean (p,) float64, and a root (n, p) float32 of the unbiased covariance, of images (n, p)."""
    mean = images.mean(axis=0, dtype=np.float64)
    return mean, ((images - mean) / np.sqrt(len(images) - 1)).astype(np.float32)


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


def clone_gaussian(
    source_folder: str | Path,
    folder: str | Path,
    certificate_path: str | Path,
    *,
    name: str,
    kind: Kind = "exact",
    per: Literal["channel", "joint"] = "channel",
    fit_per_class: int | None = None,
    seed: int = 0,
    threads: int = 1,
) -> None:
    """Write the Gaussian clone of a dataset, or a control of another kind, and its certificate.

    The clone has the source's classes, labels and numbers of images, in the source's order, in both splits; all are
    drawn from the Gaussians fitted to training images, but for `"phases"`.  Images are (N, D) float32 in the source's
    pixel units.  No more than one class a thread is in memory.

    Args:
        source_folder: the dataset to clone.
        folder: the clone to write.
        certificate_path: the Parquet file to write, table `certificate`; see `certify`.
        name: the clone's name, key of its random streams and `dataset` of the certificate.
        kind: `"exact"`: draws from the Gaussians as they are; `"clipped"`: the same with 10⁻³ on the diagonal of the
            covariance, rounded and clipped to the source's 256 `Levels`; `"phases"`: each image of the source with
            phases at random, see `randomise_phases`: nothing is fitted but for the certificate.
        per: `"channel"`: one Gaussian a class and colour channel, as in the paper, so that the clone's channels are
            uncorrelated within a class; `"joint"`: one Gaussian a class, all channels together.  Phases are
            drawn for each channel, or the same for all.
        fit_per_class: fit to so many training images of a class, drawn at random (a class that has fewer gives all).
        seed: seed of the draws.
        threads: so many classes are drawn at once; the clone is the same whatever their number.

    Raises:
        CloneError: a class with fewer than two training images, or settings that make no sense.
        StoreError: the source is no complete dataset.
    """
    if per not in ("channel", "joint"):
        raise CloneError(f"per ({per!r}) must be channel or joint")
    if kind not in ("exact", "clipped", "phases"):
        raise CloneError(f"as ({kind!r}) must be exact, clipped or phases")
    if kind == "phases" and fit_per_class is not None:
        raise CloneError("fit_per_class is of Gaussians; images with random phases are not fitted: leave it out")
    if fit_per_class is not None and fit_per_class < 2:
        raise CloneError(f"fit_per_class ({fit_per_class}) must be at least 2: one image has no covariance")
    source = open_dataset(source_folder)
    rows = [_rows_by_class(split.labels, len(source.classes)) for split in (source.train, source.validation)]
    _check_classes(source_folder, source.classes, [len(of_class) for of_class in rows[0]])

    n_inputs = int(np.prod(source.shape))
    channels = range(source.shape[0]) if per == "channel" else (None,)
    n_pixels = n_inputs // len(channels)
    blocks = {channel: slice(i * n_pixels, (i + 1) * n_pixels) for i, channel in enumerate(channels)}
    directions = _directions(n_pixels, stream("clone directions", name, seed))
    levels = levels_of(source) if kind == "clipped" else None
    with new_dataset(
        folder,
        shape=source.shape,
        classes=source.classes,
        n_train=len(source.train.labels),
        n_validation=len(source.validation.labels),
        dtype=np.float32,
        pixel_scale=source.pixel_scale,
        source={
            "source": "gaussian clone",
            **({} if kind == "exact" else {"as": kind}),
            "name": name,
            "per": per,
            "fit_per_class": fit_per_class,
            "seed": seed,
            "clone_of": source.source,
        },
    ) as splits:
        for split, of_source in zip(splits, (source.train, source.validation), strict=True):
            split.labels[:] = of_source.labels

        def clone_class(k: int) -> list[dict[str, Any]]:
            fit_rows = _choose(rows[0][k], fit_per_class, stream("clone fit", name, seed, k))
            fit_images = source.train.images[_compact(fit_rows)].astype(np.float32)
            rngs = [stream("clone draw", name, seed, k, which) for which in ("train", "validation")]
            counts = [len(of_class[k]) for of_class in rows]
            if kind == "phases":
                pairs = zip((source.train, source.validation), rows, strict=True)
                own = [split.images[_compact(of_class[k])] for split, of_class in pairs]
                makers: list[_Make] = [partial(_from_phases, images, source.shape[1:]) for images in own]
            else:
                makers = [partial(_from_gaussian, count, levels) for count in counts]
            drawn, measured = _draw_class(fit_images, blocks, counts, makers, rngs, directions)
            for split, of_class, images in zip(splits, rows, drawn, strict=True):
                split.images[_compact(of_class[k])] = images
            for split in (source.train, source.validation, *splits):
                split.release()
            return [{"class": k, **row} for row in measured]

        # Threads, not processes: numpy works outside the interpreter lock, and nothing is started, sent or left behind.
        # Products that ran on several threads each would crowd each other out, and may differ in their last digits.
        with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
            certificate = [row for of_class in pool.map(clone_class, range(len(source.classes))) for row in of_class]
        columns = {key: [row[key] for row in certificate] for key in certificate[0]}
        write_table(certificate_path, "certificate", columns, dataset=name)


_Make = Callable[[Gaussian, slice, np.random.Generator], np.ndarray]
"""Makes a split's images of a class, (n, p) float32 of some inputs, given their Gaussian and which inputs they are."""


def _from_gaussian(n: int, levels: Levels | None, gaussian: Gaussian, _: slice, rng: np.random.Generator) -> np.ndarray:
    images = gaussian.draw(n, rng)
    return images if levels is None else levels.clip(images, rng)


def _from_phases(
    own: np.ndarray, size: tuple[int, int], _: Gaussian, pixels: slice, rng: np.random.Generator
) -> np.ndarray:
    return randomise_phases(own[:, pixels], size, rng)


def _draw_class(
    fit_images: np.ndarray,
    blocks: dict[int | None, slice],
    counts: Sequence[int],
    makers: Sequence[_Make],
    rngs: Sequence[np.random.Generator],
    directions: tuple[np.ndarray, np.ndarray],
) -> tuple[list[np.ndarray], list[dict[str, Any]]]:
    """Draw the images of one class, and certify the first split.

    Args:
        fit_images: (n, D) float32.
        blocks: channel (None: all) to its pixels; each has a Gaussian of its own.
        counts: the numbers of images to draw, one a split.
        makers: what draws them, one a split.
        rngs: one a split.
        directions: see `_directions`.

    Returns:
        Images (count, D) float32 of each split, and the rows of the certificate without `dataset` and `class`.
    """
    drawn = [np.empty((count, fit_images.shape[1]), np.float32) for count in counts]
    measured: list[dict[str, Any]] = []
    for channel, pixels in blocks.items():
        gaussian = fit_gaussian(fit_images[:, pixels])
        for images, make, rng in zip(drawn, makers, rngs, strict=True):
            images[:, pixels] = make(gaussian, pixels, rng)
        rows = certify(gaussian, fit_images[:, pixels], drawn[0][:, pixels], *directions)
        measured += [{"channel": channel, **row} for row in rows]
    return drawn, measured


def _rows_by_class(labels: np.ndarray, n_classes: int) -> list[np.ndarray]:
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(labels, minlength=n_classes))[:-1])


def _check_classes(folder: str | Path, classes: tuple[str, ...], counts: list[int]) -> None:
    too_small = [f"{name!r} ({n})" for name, n in zip(classes, counts, strict=True) if n < 2]
    if too_small:
        listed = ", ".join(too_small[:5]) + (f" and {len(too_small) - 5} more" if len(too_small) > 5 else "")
        raise CloneError(
            f"{folder}: a clone needs two training images a class for a covariance; too few have {listed}: "
            "add images, or leave these classes out of the dataset"
        )


def _choose(rows: np.ndarray, n: int | None, rng: np.random.Generator) -> np.ndarray:
    return rows if n is None or n >= len(rows) else np.sort(rng.choice(rows, n, replace=False))


def _compact(rows: np.ndarray) -> np.ndarray | slice:
    """The same rows as a slice where they are contiguous: a plain copy from or to the memory-mapped file."""
    contiguous = len(rows) > 0 and rows[-1] - rows[0] + 1 == len(rows)
    return slice(rows[0], rows[-1] + 1) if contiguous else rows


# -- certificate -------------------------------------------------------------------------------------------------------


def _directions(n_pixels: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Directions along which the kurtosis is measured: random unit vectors (p, r) float32, and (r,) pixels."""
    random = rng.standard_normal((n_pixels, N_DIRECTIONS))
    pixels = np.sort(rng.choice(n_pixels, min(N_DIRECTIONS, n_pixels), replace=False))
    return (random / np.linalg.norm(random, axis=0)).astype(np.float32), pixels


def certify(
    gaussian: Gaussian, fit_images: np.ndarray, drawn: np.ndarray, directions: np.ndarray, pixels: np.ndarray
) -> list[dict[str, Any]]:
    """Compare drawn images with the Gaussian they were drawn from: four rows of the table `certificate`.

    `mean` and `covariance` are the relative errors `|a - mu| / |mu|` and `|S - C|_F / |C|_F` of the drawn images' mean
    `a` and unbiased covariance `S`.  With `t_j = tr C^j` and `m` drawn images the squared errors have the expectations
    `t_1 / m` and `(t_1^2 + t_2) / (m - 1)` (exact) and the variances `2 t_2 / m^2` (exact) and
    `4 (t_2^2 + t_4) / (m - 1)^2` (to leading order in 1/m); from squares to errors it goes by the delta method.  Where
    the fit's mean is close to zero its relative error is large, and so is the one expected.

    `kurtosis_random` and `kurtosis_pixel` are the non-excess kurtosis within the class, averaged over random directions
    and over pixels.  Along any one direction `m` draws from a Gaussian give `3 (m - 1) / (m + 1)` on average (exact).
    The directions are correlated, within natural images so strongly that the average scatters hardly less than the
    kurtosis along one.  Its standard error is the root of `v` times the mean of `rho_ab^4` over all pairs of
    directions: `v` is the variance along one (exact, about 24 / m), `rho_ab` their correlation under `C`; that two
    directions share the fourth power of it is exact to leading order in 1/m.  Directions along which the fit images do
    not vary (beyond the rounding of a float32) do not count.  `source` is the same average over the fit images, biased
    downwards like `clone` when they are few.

    Args:
        gaussian: the fit.
        fit_images: (n, p), the images it was fitted to.
        drawn: (m, p), m >= 2.
        directions: (p, r) float32, unit vectors, for `kurtosis_random`.
        pixels: (r,), indices of inputs, for `kurtosis_pixel`.

    Returns:
        Rows without `dataset`, `class` and `channel`; NaN where a statistic does not exist.
    """
    mean_error, covariance_error = _moment_errors(gaussian, drawn)
    scale = np.abs(gaussian.mean)
    rows = {
        "mean": mean_error,
        "covariance": covariance_error,
        "kurtosis_random": _kurtosis(
            gaussian.root @ directions, scale @ np.abs(directions), fit_images @ directions, drawn @ directions
        ),
        "kurtosis_pixel": _kurtosis(gaussian.root[:, pixels], scale[pixels], fit_images[:, pixels], drawn[:, pixels]),
    }
    keys = ("source", "clone", "expected", "standard_error")
    return [
        {"statistic": statistic, "n_fit": gaussian.n_fit, "n_drawn": len(drawn), **dict(zip(keys, values, strict=True))}
        for statistic, values in rows.items()
    ]


_Values = tuple[float, float, float, float]  # source, clone, expected, standard error


def _moment_errors(fit: Gaussian, drawn: np.ndarray) -> tuple[_Values, _Values]:
    # Of the p x p matrices only traces are needed, and those are norms of the smaller A A^T and A B^T, and of B B^T or
    # B^T B, whichever is smaller.
    m, p = drawn.shape
    mean, root = _moments(drawn)
    gram = fit.root @ fit.root.T
    t1, t2, t4 = np.trace(gram, dtype=np.float64), _square(gram), _square(gram @ gram)
    cross, own = _square(fit.root @ root.T), _square(root.T @ root if m > p else root @ root.T)
    mean_error, size = (float(np.linalg.norm(vector)) for vector in (mean - fit.mean, fit.mean))
    covariance_error = np.sqrt(max(t2 - 2 * cross + own, 0))
    return (
        _relative(mean_error, t1 / m, 2 * t2 / m**2, size),
        _relative(covariance_error, (t1**2 + t2) / (m - 1), 4 * (t2**2 + t4) / (m - 1) ** 2, np.sqrt(t2)),
    )


def _square(matrix: np.ndarray) -> float:
    """Squared Frobenius norm."""
    return float((matrix.astype(np.float64) ** 2).sum())


def _relative(error: float, square: float, variance: float, norm: float) -> _Values:
    """The relative error, and what to expect of it, from mean and variance of its square."""
    if norm == 0 or square == 0:
        return (np.nan,) * 4
    expected = np.sqrt(square) * (1 - variance / (8 * square**2))
    return np.nan, error / norm, expected / norm, np.sqrt(variance / (4 * square)) / norm


def _kurtosis(loadings: np.ndarray, scale: np.ndarray, fit: np.ndarray, drawn: np.ndarray) -> _Values:
    """Mean kurtosis of the images' projections on r directions.

    Args:
        loadings: (k, r), the root of the covariance times the directions.
        scale: (r,), the size of the sums that make the projections: to tell rounding from variance.
        fit: (n, r), projections of the fit images.
        drawn: (m, r), projections of the drawn images.
    """
    deviation = np.linalg.norm(loadings, axis=0)
    varying = deviation > 1e-5 * scale
    if not varying.any():
        return (np.nan,) * 4
    m = len(drawn)
    unit = loadings[:, varying] / deviation[varying]
    shared = ((unit.T @ unit).astype(np.float64) ** 4).mean()
    variance = 24 * m * (m - 2) * (m - 3) / ((m + 1) ** 2 * (m + 3) * (m + 5))
    source, clone = mean_kurtosis(fit[:, varying]), mean_kurtosis(drawn[:, varying])
    return source, clone, 3 * (m - 1) / (m + 1), np.sqrt(variance * shared)


def mean_kurtosis(values: np.ndarray) -> float:
    """Kurtosis (non-excess, population moments) of each column, averaged over the columns.

    Args:
        values: (n, r), no column constant.
    """
    squares = (values - values.mean(axis=0, dtype=np.float64)) ** 2
    return float(((squares**2).mean(axis=0) / squares.mean(axis=0) ** 2).mean())


def summarise_certificate(certificate: pa.Table) -> str:
    """Averages of a certificate over classes and channels, a row a statistic, as CSV for people.

    Args:
        certificate: the table, as read by `winnow.store.tables.read_table`.

    Returns:
        For each statistic the mean of `source`, `clone` and `expected` (empty where none has a value), and `deviation`,
        the root mean square of `(clone - expected) / standard_error`, which is about 1 for a clone as it should be.
    """
    lines = ["statistic,source,clone,expected,deviation"]
    columns = {key: certificate[key].to_numpy(zero_copy_only=False) for key in certificate.schema.names}
    for statistic in dict.fromkeys(columns["statistic"]):
        of = {key: columns[key][columns["statistic"] == statistic] for key in columns}
        with np.errstate(invalid="ignore", divide="ignore"):
            scores = (of["clone"] - of["expected"]) / of["standard_error"]
        means = [*(_mean(of[key]) for key in ("source", "clone", "expected")), np.sqrt(_mean(scores**2))]
        lines.append(",".join([statistic, *("" if np.isnan(mean) else f"{mean:.4f}" for mean in means)]))
    return "\n".join(lines) + "\n"


def _mean(values: np.ndarray) -> float:
    finite = values[np.isfinite(values.astype(np.float64))]
    return float(finite.mean()) if len(finite) else float("nan")
