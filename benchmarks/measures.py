"""Each fast statistic beside a straightforward peer, in one run: `python benchmarks/measures.py`.

Prints a Markdown table.  Times are the best of three on one thread; a peer that would take minutes runs on a sample of
units or weights, and its time is scaled up (marked ~).  Ratios mean more than seconds: machines differ, and drift.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

import numpy as np
from scipy import optimize, signal, stats

from winnow.clone import fit_gaussian
from winnow.datasets.photos import prepare_photos
from winnow.measure.cavity import cavity_scores
from winnow.measure.locality import autocorrelation, fit_widths
from winnow.store import open_dataset

CHANNELS, SIDE, UNITS, IMAGES, DENSITY = 3, 32, 256, 5000, 0.1


def best(task: Callable[[], object], repeats: int = 3) -> float:
    """Shortest wall time of a task in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)
    return min(times)


def row(what: str, size: str, ours: float, peer: str, theirs: float, share: float = 1.0) -> str:
    """A line of the table; `share` is the part of the work that the peer did."""
    scaled = "~" if share < 1 else ""
    return f"| {what} | {size} | {ours:.3f} | {peer} | {scaled}{theirs / share:.3g} | {theirs / share / ours:.0f} |"


def autocorrelations(masks: np.ndarray) -> str:
    """S(d) of all units: one batched transform, against `scipy.signal.correlate` unit by unit, channel by channel."""
    peer = best(lambda: [[signal.correlate(c, c) for c in unit.astype(float)] for unit in masks[:32]], 1)
    size = f"{UNITS} units"
    return row("autocorrelation", size, best(lambda: autocorrelation(masks)), "signal.correlate", peer, 32 / UNITS)


def widths(masks: np.ndarray) -> str:
    """All fits together, against `scipy.optimize.curve_fit` unit by unit."""
    s = autocorrelation(masks)
    y, x = np.mgrid[1 - SIDE : SIDE, 1 - SIDE : SIDE]
    away = (x != 0) | (y != 0)

    def gaussian(d: np.ndarray, a: float, sx: float, sy: float) -> np.ndarray:
        return a * np.exp(-(d[0] ** 2) / (2 * sx**2) - d[1] ** 2 / (2 * sy**2))

    displacements = np.array([x[away], y[away]], float)

    def peer() -> None:
        for unit in s[:16]:
            optimize.curve_fit(gaussian, displacements, unit[away].astype(float), (unit[away].max(), 10, 10))

    return row("widths", f"{UNITS} units", best(lambda: fit_widths(s)), "optimize.curve_fit", best(peer, 1), 16 / UNITS)


def cavity(inputs: np.ndarray, masks: np.ndarray) -> str:
    """All scores from four matrix products, against `scipy.stats.kurtosis` weight by weight."""
    mask = masks.reshape(UNITS, -1)
    weights = np.random.default_rng(0).normal(size=mask.shape)
    unit, pixel = np.nonzero(mask)
    some = np.random.default_rng(1).choice(len(unit), 100, replace=False)
    lam = inputs @ (weights * mask).T.astype(np.float32)

    def peer() -> None:
        for i, j in zip(unit[some], pixel[some], strict=True):
            stats.kurtosis(lam[:, i] - weights[i, j] * inputs[:, j], fisher=False)

    ours = best(lambda: cavity_scores(weights, mask, inputs), 2)
    return row(
        "cavity scores", f"{len(unit)} weights, {IMAGES} images", ours, "stats.kurtosis", best(peer), 100 / len(unit)
    )


def clone(images: np.ndarray) -> str:
    """Images of one class and channel with its mean and covariance, against `scipy.stats.multivariate_normal`."""
    channel = images[:100, : SIDE * SIDE]
    gaussian = fit_gaussian(channel)
    ours = best(lambda: gaussian.draw(100, np.random.default_rng(0)))
    mean, covariance = channel.mean(0), np.cov(channel.T)
    normal = stats.multivariate_normal
    peer = best(lambda: normal.rvs(mean, covariance + 1e-6 * np.eye(len(mean)), 100, random_state=0), 1)
    return row("Gaussian clone", "100 images of a class and channel", ours, "multivariate_normal.rvs", peer)


def main() -> None:
    """Print the table."""
    masks = np.random.default_rng(0).random((UNITS, CHANNELS, SIDE, SIDE)) < DENSITY
    with TemporaryDirectory() as folder:
        prepare_photos(Path(folder) / "photos", name="benchmark", tile=96, train_per_class=100, validation_per_class=32)
        dataset = open_dataset(Path(folder) / "photos")
        inputs = dataset.prepare(dataset.validation.images[:IMAGES])
        images = dataset.train.images[:100].astype(np.float32)
        print("| statistic | size | winnow, s | peer | peer, s | ratio |\n| --- | --- | --- | --- | --- | --- |")
        for line in (autocorrelations(masks), widths(masks), cavity(inputs, masks), clone(images)):
            print(line)


if __name__ == "__main__":
    main()
