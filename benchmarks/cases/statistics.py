"""The statistics at the paper's size, each against the straightforward way to compute it."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from scipy import optimize, signal, stats
from sklearn.decomposition import PCA, FastICA

from benchmarks.bench import (
    N_IMAGES,
    OURS,
    SIZES,
    Row,
    gemm_rate,
    nested_masks,
    paper_dataset,
    paper_network,
    peak_mb,
    race,
)
from winnow.measure.autocorrelation import autocorrelation
from winnow.measure.cavity import measure_cavity
from winnow.measure.components import measure_components
from winnow.measure.kurtosis import measure_kurtosis
from winnow.measure.preactivations import effective_weights
from winnow.measure.widths import fit_widths
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters

D, H = SIZES[:2]
ROUNDS = 10
TURNS, TURNS_LONG = 5, 3
PRODUCTS, PRODUCTS_IMAGES = "four products", 5000
"""The floor of the cavity scores takes turns with them, so many images at a time: that many fit the memory."""


def cavity() -> Iterator[Row]:
    """All scores of the first layer: a single round, and ten rounds together."""
    parameters, _ = paper_network()
    masks = nested_masks(ROUNDS)
    dataset = paper_dataset(n_train=1000, n_validation=N_IMAGES)
    for n_rounds in (1, ROUNDS):
        some = [*masks[:n_rounds], masks[ROUNDS]]
        recomputed, shares = _recomputations(parameters, masks[:n_rounds], dataset)
        tasks = {OURS: partial(measure_cavity, parameters, some, dataset), PRODUCTS: _four_products(), **recomputed}
        times = race(tasks, TURNS if n_rounds == 1 else TURNS_LONG)
        products = n_rounds * N_IMAGES / PRODUCTS_IMAGES * min(times.pop(PRODUCTS))
        yield Row(
            "statistics",
            f"cavity, {H} units, {N_IMAGES} images, {n_rounds} round{'s' * (n_rounds > 1)}",
            threads=torch.get_num_threads(),
            times=times,
            shares=shares,
            floor=f"four matrix products{' a round' * (n_rounds > 1)}",
            floor_seconds=products,
            peak_mb=peak_mb(),
        )


def _four_products() -> Callable[[], None]:
    """Four products (units × images)(images × inputs), float32, of a chunk of images."""
    a, b = torch.randn(H, PRODUCTS_IMAGES), torch.randn(PRODUCTS_IMAGES, D)
    total = torch.zeros(H, D)

    def products() -> None:
        for _ in range(4):
            total.addmm_(a, b)

    return products


def _recomputations(
    parameters: Parameters, masks: list[Mask], dataset: Dataset
) -> tuple[dict[str, Callable[[], None]], dict[str, float]]:
    """Both peers, and their share of the work: a few weights, from preactivations that are already there."""
    some = np.random.default_rng(0).choice(D, 64, replace=False)
    weights = effective_weights(parameters, masks[0], epsilon=1e-5).astype(np.float32)
    lam, parts = np.empty(N_IMAGES, np.float32), np.empty((N_IMAGES, len(some)), np.float32)
    mean = dataset.validation.images.mean(axis=0)
    for start in range(0, N_IMAGES, PRODUCTS_IMAGES):
        rows = slice(start, start + PRODUCTS_IMAGES)
        x = ((dataset.validation.images[rows] - mean) / dataset.pixel_scale).astype(np.float32)
        lam[rows], parts[rows] = x @ weights[0], x[:, some]
    n_weights = sum(int(mask["layers.0.weight"].sum()) for mask in masks)

    def vectorised() -> None:
        left = lam[:, None] - parts * weights[0, some]
        squares = np.square(left - left.mean(axis=0))
        np.square(squares).mean(axis=0) / squares.mean(axis=0) ** 2

    def scipy_kurtosis() -> None:
        for k, j in enumerate(some[:8]):
            stats.kurtosis(lam - weights[0, j] * parts[:, k], fisher=False)

    vectorised_name, scipy_name = "λ − w x recomputed, vectorised per unit", "`scipy.stats.kurtosis` per weight"
    return {vectorised_name: vectorised, scipy_name: scipy_kurtosis}, {
        vectorised_name: len(some) / n_weights,
        scipy_name: 8 / n_weights,
    }


def cavity_scaling() -> Iterator[Row]:
    """The cost of cavity scores against images and units, one round."""
    for n_images in (6250, 12500, 25000, 50000):
        dataset = paper_dataset(n_train=1000, n_validation=n_images)
        yield _cavity_point("cavity by images", n_images, dataset, H)
    dataset = paper_dataset(n_train=1000, n_validation=12500)
    for n_units in (128, 256, 512, 1024):
        yield _cavity_point("cavity by units", n_units, dataset, n_units)


def _cavity_point(section: str, x: int, dataset: Dataset, n_units: int) -> Row:
    parameters, _ = paper_network()
    parameters["layers.0.weight"] = parameters["layers.0.weight"][:n_units]
    masks = [{"layers.0.weight": mask["layers.0.weight"][:n_units]} for mask in nested_masks(2)[:2]]
    times = race({OURS: lambda: measure_cavity(parameters, masks, dataset)}, TURNS_LONG)
    return Row(section, f"{x}", x=x, threads=torch.get_num_threads(), times=times)


def widths() -> Iterator[Row]:
    """Autocorrelations and fits of all units, at IMP's last density."""
    masks = nested_masks(ROUNDS)[ROUNDS]["layers.0.weight"].reshape(H, 3, 32, 32)
    s = autocorrelation(masks)
    y, x = np.mgrid[-31:32, -31:32]
    away = (x != 0) | (y != 0)
    displacements = np.array([x[away], y[away]], float)

    def gaussian(d: np.ndarray, a: float, sx: float, sy: float) -> np.ndarray:
        return a * np.exp(-(d[0] ** 2) / (2 * sx**2) - d[1] ** 2 / (2 * sy**2))

    def curve_fit() -> None:
        for unit in s[:32]:
            optimize.curve_fit(gaussian, displacements, unit[away].astype(float), (unit[away].max(), 10, 10))

    def correlate() -> None:
        for unit in masks[:64].astype(float):
            sum(signal.correlate(channel, channel, method="fft") for channel in unit)

    for what, ours, name, peer, n_units in (
        (
            "autocorrelations",
            partial(autocorrelation, masks),
            "`scipy.signal.correlate` per unit, channel",
            correlate,
            64,
        ),
        ("width fits", partial(fit_widths, s), "`scipy.optimize.curve_fit` per unit", curve_fit, 32),
    ):
        ours()  # numpy's and scipy's first calls import and plan
        yield Row(
            "statistics",
            f"{what}, {H} units",
            threads=torch.get_num_threads(),
            times=race({OURS: ours, name: peer}, TURNS),
            shares={name: n_units / H},
            peak_mb=peak_mb(),
        )


def kurtosis() -> Iterator[Row]:
    """Kurtosis by unit and by class, after every round."""
    parameters, _ = paper_network()
    masks = nested_masks(ROUNDS)
    dataset = paper_dataset(n_train=1000, n_validation=N_IMAGES)
    flops = gemm_rate()
    weights = effective_weights(parameters, masks[0], epsilon=1e-5).astype(np.float32)
    n_some = 5  # classes

    def by_scipy() -> None:
        labels = dataset.validation.labels
        for k in range(n_some):
            stats.kurtosis(dataset.prepare(dataset.validation.images[labels == k]) @ weights.T, fisher=False)

    name = "`scipy.stats.kurtosis` class by class"
    by_scipy()
    times = race({OURS: partial(measure_kurtosis, parameters, masks, dataset), name: by_scipy}, TURNS)
    yield Row(
        "statistics",
        f"kurtosis by unit and class, {H} units, {N_IMAGES} images, {ROUNDS + 1} masks",
        threads=torch.get_num_threads(),
        times=times,
        shares={name: n_some / SIZES[-1] / (ROUNDS + 1)},
        floor=f"preactivations at {flops / 1e9:.0f} GFLOP/s",
        floor_seconds=(ROUNDS + 1) * 2 * N_IMAGES * D * H / flops,
        peak_mb=peak_mb(),
    )


def components() -> Iterator[Row]:
    """64 principal and independent components of 50,000 images."""
    dataset = paper_dataset(n_train=1000, n_validation=N_IMAGES)
    x = dataset.prepare(dataset.validation.images[:5000])

    def by_sklearn() -> None:
        PCA(64, svd_solver="full").fit(x)
        FastICA(64, whiten="unit-variance", max_iter=1000, random_state=0).fit(x)

    name = "`PCA(svd_solver='full')` and `FastICA` on pixels"
    yield Row(
        "statistics",
        f"components, 64 of {N_IMAGES} images",
        threads=torch.get_num_threads(),
        times=race({OURS: partial(measure_components, dataset, number=64), name: by_sklearn}, TURNS_LONG),
        shares={name: len(x) / N_IMAGES},
        peak_mb=peak_mb(),
        note="other iterations of ICA",
    )


CASES = {
    "cavity": cavity,
    "cavity_scaling": cavity_scaling,
    "widths": widths,
    "kurtosis": kurtosis,
    "components": components,
}
