"""All images of a clone, class by class, with their certificate.

The values are neither clipped nor rounded, but for the control that asks for it: either would put back higher
cumulants.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from threadpoolctl import threadpool_limits

from winnow.clone.certificate import certify, directions_of
from winnow.clone.controls import Kind, Levels, levels_of, randomise_phases
from winnow.clone.gaussian import Gaussian, fit_gaussian
from winnow.store.datasets import new_dataset, open_dataset
from winnow.store.tables import write_table
from winnow.streams import stream


class CloneError(ValueError):
    """A dataset or settings that no clone can be fitted to; the message says which class and what to change."""


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
        certificate_path: the Parquet file to write, table `certificate`; see `certificate.certify`.
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
    directions = directions_of(n_pixels, stream("clone directions", name, seed))
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
        directions: see `directions_of`.

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
