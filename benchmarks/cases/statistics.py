"""The statistics at the paper's size, each against the straightforward way to compute it."""

from collections.abc import Iterator

import numpy as np
import torch
from scipy import optimize, signal, stats
from sklearn.decomposition import PCA, FastICA

from benchmarks.bench import (
    N_IMAGES,
    SIZES,
    Row,
    clock,
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


def cavity() -> Iterator[Row]:
    """All scores of the first layer: a single round, and ten rounds together."""
    parameters, _ = paper_network()
    masks = nested_masks(ROUNDS)
    for n_rounds in (1, ROUNDS):
        dataset = paper_dataset(n_train=1000, n_validation=N_IMAGES)
        some = [*masks[:n_rounds], masks[ROUNDS]]
        seconds = clock(lambda some=some, dataset=dataset: measure_cavity(parameters, some, dataset))
        peak = peak_mb()
        products = n_rounds * _four_products()
        vectorised, share, by_scipy, scipy_share = _recomputations(parameters, masks[:n_rounds], dataset)
        what = f"cavity, {H} units, {N_IMAGES} images, {n_rounds} round{'s' * (n_rounds > 1)}"
        shared = {"threads": torch.get_num_threads(), "seconds": seconds, "peak_mb": peak}
        floor = {"floor": f"four matrix products{' a round' * (n_rounds > 1)}", "floor_seconds": products}
        yield Row(
            "statistics",
            what,
            peer="λ − w x recomputed, vectorised per unit",
            peer_seconds=vectorised,
            peer_share=share,
            **floor,
            **shared,
        )
        yield Row(
            "statistics",
            what,
            peer="`scipy.stats.kurtosis` per weight",
            peer_seconds=by_scipy,
            peer_share=scipy_share,
            **floor,
            **shared,
        )


def _four_products() -> float:
    """Seconds of four products (units × images)(images × inputs), float32, in chunks that fit the memory."""
    chunk = 5000
    a, b = torch.randn(H, chunk), torch.randn(chunk, D)
    total = torch.zeros(H, D)
    return 4 * N_IMAGES / chunk * clock(lambda: total.addmm_(a, b), 5)


def _recomputations(parameters: Parameters, masks: list[Mask], dataset: Dataset) -> tuple[float, float, float, float]:
    """Seconds and share of the work of both peers: a few weights, from preactivations that are already there."""
    x = dataset.prepare(dataset.validation.images)
    x -= x.mean(axis=0)
    weights = effective_weights(parameters, masks[0], epsilon=1e-5).astype(np.float32)
    lam = x @ weights[0]
    n_weights = sum(int(mask["layers.0.weight"].sum()) for mask in masks)
    some = np.random.default_rng(0).choice(D, 64, replace=False)

    def vectorised() -> None:
        left = lam[:, None] - x[:, some] * weights[0, some]
        squares = np.square(left - left.mean(axis=0))
        np.square(squares).mean(axis=0) / squares.mean(axis=0) ** 2

    def scipy_kurtosis() -> None:
        for j in some[:8]:
            stats.kurtosis(lam - weights[0, j] * x[:, j], fisher=False)

    return clock(vectorised, 2), 64 / n_weights, clock(scipy_kurtosis, 2), 8 / n_weights


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
    seconds = clock(lambda: measure_cavity(parameters, masks, dataset))
    return Row(section, f"{x}", x=x, threads=torch.get_num_threads(), seconds=seconds)


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

    ours = race([lambda: autocorrelation(masks), lambda: fit_widths(s)], 3)
    threads = torch.get_num_threads()
    peers = race([correlate, curve_fit], 2)
    yield Row(
        "statistics",
        f"autocorrelations, {H} units",
        threads=threads,
        seconds=ours[0],
        peer="`scipy.signal.correlate` per unit and channel",
        peer_seconds=peers[0],
        peer_share=64 / H,
    )
    yield Row(
        "statistics",
        f"width fits, {H} units",
        threads=threads,
        seconds=ours[1],
        peer="`scipy.optimize.curve_fit` per unit",
        peer_seconds=peers[1],
        peer_share=32 / H,
        peak_mb=peak_mb(),
    )


def kurtosis() -> Iterator[Row]:
    """Kurtosis by unit and by class, after every round."""
    parameters, _ = paper_network()
    masks = nested_masks(ROUNDS)
    dataset = paper_dataset(n_train=1000, n_validation=N_IMAGES)
    flops = gemm_rate()
    seconds = clock(lambda: measure_kurtosis(parameters, masks, dataset))
    peak = peak_mb()
    weights = effective_weights(parameters, masks[0], epsilon=1e-5).astype(np.float32)
    n_some = 5  # classes

    def by_scipy() -> None:
        labels = dataset.validation.labels
        for k in range(n_some):
            stats.kurtosis(dataset.prepare(dataset.validation.images[labels == k]) @ weights.T, fisher=False)

    product = (ROUNDS + 1) * 2 * N_IMAGES * D * H / flops
    yield Row(
        "statistics",
        f"kurtosis by unit and class, {H} units, {N_IMAGES} images, {ROUNDS + 1} masks",
        threads=torch.get_num_threads(),
        seconds=seconds,
        peer="`scipy.stats.kurtosis` class by class",
        peer_seconds=clock(by_scipy, 2),
        peer_share=n_some / SIZES[-1] / (ROUNDS + 1),
        floor=f"preactivations at {flops / 1e9:.0f} GFLOP/s",
        floor_seconds=product,
        peak_mb=peak,
    )


def components() -> Iterator[Row]:
    """64 principal and independent components of 50,000 images."""
    dataset = paper_dataset(n_train=1000, n_validation=N_IMAGES)
    seconds = clock(lambda: measure_components(dataset, number=64))
    peak = peak_mb()
    x = dataset.prepare(dataset.validation.images[:5000])

    def by_sklearn() -> None:
        PCA(64, svd_solver="full").fit(x)
        FastICA(64, whiten="unit-variance", max_iter=1000, random_state=0).fit(x)

    yield Row(
        "statistics",
        f"components, 64 of {N_IMAGES} images",
        threads=torch.get_num_threads(),
        seconds=seconds,
        peer="`PCA(svd_solver='full')` and `FastICA` on pixels",
        peer_seconds=clock(by_sklearn),
        peer_share=len(x) / N_IMAGES,
        peak_mb=peak,
        note="other iterations of ICA",
    )


CASES = {
    "cavity": cavity,
    "cavity_scaling": cavity_scaling,
    "widths": widths,
    "kurtosis": kurtosis,
    "components": components,
}
