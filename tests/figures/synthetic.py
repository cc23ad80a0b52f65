"""Made-up inputs of all figures, shaped like those of a real experiment."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from winnow.claims.choices import compare_choices
from winnow.claims.dial import follow_dial
from winnow.claims.methods import MethodTables, compare_methods
from winnow.claims.table import check_claims
from winnow.store.datasets import Dataset, Split
from winnow.store.schemas import SCHEMAS
from winnow.store.tensors import Mask
from winnow.streams import stream

NAME, CLONE_NAME = "photos", "photos-clone"
METHODS = ("imp", "oneshot", "random")


@dataclass(frozen=True)
class Experiment:
    """Sizes of a made-up experiment."""

    n_rounds: int = 10
    seeds: tuple[int, ...] = (0, 1, 2)
    n_units: int = 64
    shape: tuple[int, int, int] = (3, 32, 32)
    n_classes: int = 20

    @property
    def n_inputs(self) -> int:
        return int(np.prod(self.shape))

    def density(self, n: int) -> float:
        return 0.7**n


FULL = Experiment()
ONE_SEED = Experiment(seeds=(3,))
TINY = Experiment(n_rounds=3, seeds=(0, 1), n_units=12, shape=(1, 8, 8), n_classes=2)


def table(name: str, rows: list[dict]) -> pd.DataFrame:
    """A table as it comes back from Parquet: nullable numbers as float, nullable truth values as objects."""
    schema = SCHEMAS[name]
    frame = pd.DataFrame(rows, columns=schema.names)
    assert set(schema.names) == set(rows[0])
    return frame


def keys(dataset: str, method: str, seed: int, n: int, experiment: Experiment) -> dict:
    return {"dataset": dataset, "method": method, "seed": seed, "round": n, "density": experiment.density(n)}


def _runs(experiment: Experiment, clone: bool):
    for dataset in (NAME, CLONE_NAME) if clone else (NAME,):
        for method in METHODS if dataset == NAME else ("imp",):
            for seed in experiment.seeds:
                yield dataset, method, seed


def locality(experiment: Experiment, clone: bool = True) -> pd.DataFrame:
    draw = stream("locality")
    rows = []
    side = experiment.shape[1]
    for dataset, method, seed in _runs(experiment, clone):
        fall = {"imp": 0.12 if dataset == NAME else 0.05, "oneshot": 0.09, "random": 0.005}[method]
        for n in range(experiment.n_rounds + 1):
            mean = side * (0.45 - fall * (n / experiment.n_rounds) ** 2) + 0.1 * draw.normal()
            for unit in range(experiment.n_units):
                width = mean * draw.lognormal(0, 0.2)
                known = draw.random() > 0.1
                rows.append(
                    keys(dataset, method, seed, n, experiment)
                    | {"unit": unit, "n_weights": int(1000 * experiment.density(n))}
                    | {"sigma_x": width if known else np.nan, "sigma_y": width if known else np.nan}
                    | {"moment_x": width, "moment_y": width}
                    | {"converged": bool(draw.random() > 0.05) if known else None}
                    | {"chance_sigma_x": side * 0.44, "chance_sigma_y": side * 0.44}
                    | {"close_pairs": 30.0, "close_pairs_expected": 20.0, "close_pairs_deviation": 4.0}
                    | {"close_pairs_p": 0.02}
                )
    return table("locality", rows)


def kurtosis_by_class(experiment: Experiment) -> pd.DataFrame:
    draw = stream("kurtosis")
    rows = []
    for dataset, method, seed in _runs(experiment, clone=True):
        rise = {"imp": 1.5 if dataset == NAME else 0.2, "oneshot": 0.7, "random": 0.1}[method]
        for n in range(experiment.n_rounds + 1):
            base = 3.2 + rise * n / experiment.n_rounds + 0.05 * draw.normal()
            for label in range(experiment.n_classes):
                value = base + 0.3 * draw.normal() if draw.random() > 0.05 else np.nan
                rows.append(
                    keys(dataset, method, seed, n, experiment)
                    | {"class": label, "kurtosis_mean": value, "kurtosis_median": value, "n_units": 60}
                )
    return table("kurtosis_by_class", rows)


def cavity(experiment: Experiment, clone: bool = True) -> pd.DataFrame:
    draw = stream("cavity")
    rows = []
    for dataset, fates_of, seed in _runs(experiment, clone):
        trend = {"imp": 1.0 if dataset == NAME else 0.1, "oneshot": 0.6, "random": 0.0}[fates_of]
        for n in range(experiment.n_rounds):
            for fate in [*range(n + 1, experiment.n_rounds + 1), None]:
                ahead = (fate if fate else experiment.n_rounds + 1) - n - 1
                score = trend * (0.4 - 0.3 * ahead) * 1.25**n - 0.05 + 0.05 * draw.normal()
                # the last survivors' scores are as large as they are in life
                score *= 30 if fate is None and fates_of == "oneshot" else 1
                rows.append(
                    keys(dataset, fates_of, seed, n, experiment)
                    | {"fates_of": fates_of, "rounds_done": n, "removed_in": fate}
                    | {"mean_score": score / 1000, "scaled_mean": score, "share_positive": 0.5}
                    | {"n_weights": 1000, "n_without_score": 0}
                )
    return table("cavity", rows)


def cavity_example(experiment: Experiment) -> pd.DataFrame:
    x = np.linspace(-6, 6, 61)
    densities = [0.85 * np.exp(-(x**2) / 2 / width**2) / width + 0.15 * np.exp(-np.abs(x)) for width in (0.8, 0.79)]
    with_weight, without = (density / density.sum() / (x[1] - x[0]) for density in densities)
    rows = [
        {"dataset": NAME, "seed": seed, "unit": 5, "input": 17, "score": 0.0213}
        | {"kurtosis_with": 4.021, "kurtosis_without": 4.107}
        | {"preactivation": x[i], "density_with": with_weight[i], "density_without": without[i]}
        for seed in experiment.seeds
        for i in range(len(x))
    ]
    return table("cavity_example", rows)


def training(experiment: Experiment, retrained: bool = False) -> pd.DataFrame:
    draw = stream("training")
    rows = []
    for dataset, method, seed in _runs(experiment, clone=True):
        if method != "imp" and not retrained:
            continue
        first, last = (0, experiment.n_rounds - 1) if method == "imp" else (1, experiment.n_rounds)
        for n in range(first, last + 1):
            for step in (200, 400, 600):
                final = 0.55 + 0.01 * n - {"imp": 0.002, "oneshot": 0.004, "random": 0.006}[method] * n**2
                accuracy = final * step / 600 + 0.005 * draw.normal()
                rows.append(
                    keys(dataset, method, seed, n, experiment)
                    | {"step": step, "loss": 1.0, "train_accuracy": accuracy, "validation_accuracy": accuracy}
                    | {"engine": "reference", "device": "cpu", "precision": "float32"}
                )
    return table("training", rows)


def pair_correlation(experiment: Experiment, clone: bool = True) -> pd.DataFrame:
    draw = stream("pairs")
    rows = []
    side = experiment.shape[1]
    for dataset, method, seed in _runs(experiment, clone):
        peak = {"imp": 3 if dataset == NAME else 1, "oneshot": 2, "random": 0}[method]
        for n in range(experiment.n_rounds + 1):
            for radius in range(1, int(1.4 * side)):
                local = peak * (n / experiment.n_rounds) * (np.exp(-radius / (0.15 * side)) - 0.1)
                g = 1 + local + 0.01 * draw.normal() * np.sqrt(radius)
                rows.append(
                    keys(dataset, method, seed, n, experiment)
                    | {"radius": radius, "pairs": 100.0 * g, "expected_pairs": 100.0, "g": g}
                )
    return table("pair_correlation", rows)


def participation(experiment: Experiment) -> pd.DataFrame:
    rows = [
        keys(dataset, method, seed, n, experiment)
        | {"unit": unit, "n_weights": 100, "ipr": 0.03 / experiment.density(n) * (1 + 0.1 * seed)}
        for dataset, method, seed in _runs(experiment, clone=True)
        for n in range(experiment.n_rounds + 1)
        for unit in range(4)
    ]
    return table("participation", rows)


def methods(experiment: Experiment, retrained: bool = False) -> pd.DataFrame:
    """The comparison of the methods, made of all the tables."""
    tables = MethodTables(
        locality(experiment),
        pair_correlation(experiment),
        participation(experiment),
        kurtosis_by_class(experiment),
        training(experiment, retrained),
        cavity(experiment),
    )
    return table("methods", pd.DataFrame(compare_methods(tables, methods=METHODS, nested=METHODS)).to_dict("records"))


def by_layer(experiment: Experiment, layers: int = 3) -> pd.DataFrame:
    """The comparison of the methods with the statistics of layers: the deeper, the less local."""
    table_of = methods(experiment)
    of = {"share_reached": "ipr", "width_ratio": "width", "path_spread": "width", "kurtosis_median": "kurtosis"}
    of |= {"pair_correlation_mixed": "pair_correlation", "path_spread_mixed": "width"}
    of |= {name: name for name in ("width", "pair_correlation", "ipr", "kurtosis", "cavity_signs")}
    layered = [
        table_of[table_of["statistic"] == source].assign(
            statistic=f"layer{layer}_{name}", **{c: table_of[c] / layer for c in ("value", "minimum", "maximum")}
        )
        for layer in range(1, layers + 1)
        for name, source in of.items()
    ]
    return pd.concat([table_of, *layered], ignore_index=True)


DIALS = {
    "gaussian": ("saturating", 0.0),
    "sharp": ("saturating", -1.0),
    "sharper": ("saturating", -1.9),
    "heavy": ("heavy_tailed", 2.0),
    "heavier": ("heavy_tailed", 8.0),
    "scaled": ("elliptical", 4.0),
}


def on_the_dial(experiment: Experiment) -> pd.DataFrame:
    """The comparison of the methods on images with a dial: the width falls where they saturate."""
    of_one = methods(experiment)
    of_one = of_one[of_one["dataset"] == NAME]
    widths = of_one["statistic"].eq("width") & of_one["compared_with"].isna()
    return pd.concat(
        [
            of_one.assign(dataset=name, value=of_one["value"] + widths * min(dial, 0))
            for name, (_, dial) in DIALS.items()
        ],
        ignore_index=True,
    )


def responses(experiment: Experiment) -> pd.DataFrame:
    rows = pd.DataFrame(follow_dial(on_the_dial(experiment), DIALS).responses)
    return table("responses", rows.to_dict("records"))


CHOICES = {
    "widths_doubled": "all widths 2 instead of 1",
    "order_reversed": "all widths -1 instead of 1",
    "no_clone": "no clone instead of one",
}


def claims(experiment: Experiment, factor: float = 1, clone: bool = True, called: str = NAME) -> pd.DataFrame:
    """The claims on widths that are some factor of the experiment's."""
    widths = locality(experiment, clone)
    columns = check_claims(
        widths.assign(sigma_x=widths["sigma_x"] * factor),
        pair_correlation(experiment, clone),
        kurtosis_by_class(experiment),
        cavity(experiment, clone),
        datasets=[NAME],
        clone_suffix="-clone",
    )
    return pd.DataFrame(columns).assign(dataset=called)


def sensitivity(experiment: Experiment) -> pd.DataFrame:
    """The claims under three choices: all widths doubled, all negative, no clone."""
    names = {choice: f"{NAME}@{choice}" for choice in CHOICES}
    changed = zip(names.values(), [(2.0, True), (-1.0, True), (1.0, False)], strict=True)
    of_choices = pd.concat([claims(experiment, *how, called) for called, how in changed])
    columns = compare_choices(claims(experiment), of_choices, dataset=NAME, choices=names, changes=CHOICES)
    return table("sensitivity", pd.DataFrame(columns).to_dict("records"))


def mask(experiment: Experiment, spread: float) -> Mask:
    """A mask whose units have blobs of weights of the given spread (in sides); wide ones look random."""
    draw = stream("mask", str(spread))
    channels, side, _ = experiment.shape
    rows, columns = np.mgrid[:side, :side]
    weights = np.zeros((experiment.n_units, experiment.n_inputs), dtype=bool)
    density = experiment.density(experiment.n_rounds)
    for unit in range(experiment.n_units):
        y, x = draw.uniform(0.2, 0.8, 2) * side
        chance = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 2 / (spread * side) ** 2)
        chance = np.stack([chance * share for share in draw.uniform(0.2, 1, channels)]).ravel()
        chance *= density * draw.uniform(0.5, 2) * chance.size / chance.sum()
        weights[unit] = draw.random(chance.size) < chance
    return {"layers.0.weight": weights, "layers.0.bias": np.ones(experiment.n_units, dtype=bool)}


def images(experiment: Experiment, clone: bool = False) -> Dataset:
    """Discs before a gradient, as 8-bit pixels; as a clone, smooth noise in float that leaves the range of pixels."""
    draw = stream("images", int(clone))
    channels, side, _ = experiment.shape
    n = 5 * experiment.n_classes
    rows, columns = np.mgrid[:side, :side] / side
    pixels = np.empty((n, channels, side, side))
    for image in pixels:
        y, x, radius = draw.uniform(0.3, 0.7), draw.uniform(0.3, 0.7), draw.uniform(0.1, 0.3)
        inside = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
        for channel in image:
            slope = draw.normal(0, 100, 2)
            channel[:] = 128 + slope[0] * (rows - 0.5) + slope[1] * (columns - 0.5) + inside * draw.uniform(-120, 120)
            if clone:
                channel[:] += draw.normal(0, 40, (side, side)) - inside * 60
    flat = pixels.reshape(n, -1)
    flat = flat.astype(np.float32) if clone else np.clip(flat, 0, 255).astype(np.uint8)
    split = Split(flat, np.arange(n) % experiment.n_classes)
    return Dataset(
        shape=experiment.shape,
        classes=tuple(map(str, range(experiment.n_classes))),
        pixel_scale=255.0,
        mean_image=flat.mean(axis=0, dtype=np.float32),
        source={},
        train=split,
        validation=split,
    )


def components(experiment: Experiment, n: int = 64) -> dict[str, np.ndarray]:
    """Gabor-like and wave-like components."""
    draw = stream("components")
    channels, side, _ = experiment.shape
    rows, columns = np.mgrid[:side, :side] / side
    result = {}
    for name in ("ica", "pca"):
        waves = []
        for _ in range(n):
            y, x, angle, phase = draw.uniform(0, 1, 2).tolist() + draw.uniform(0, 2 * np.pi, 2).tolist()
            wave = np.cos(draw.uniform(5, 30) * (rows * np.cos(angle) + columns * np.sin(angle)) + phase)
            if name == "ica":
                wave *= np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 0.02)
            waves.append(np.stack([wave * draw.uniform(0.5, 1) for _ in range(channels)]).ravel())
        result[name] = np.array(waves)
    return result
