"""The methods side by side: the table `methods`, and its summary for people."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from winnow.claims.seeds import effect
from winnow.claims.statistics import NEAR, predicted_signs

Columns = dict[str, list[str | int | float | None]]
"""Columns of the table `methods`."""

REFERENCES = ("imp", "imp_shuffled_unit")
"""What each method is compared with, where it is among them: the one to beat, and its masks shuffled in each unit."""

STATISTICS = {
    "width": "mean width of the units whose fit converged, pixels",
    "pair_correlation": "mean of g(r) over r = 1 ... 3; 1 without structure",
    "ipr": "mean inverse participation ratio of the units",
    "kurtosis": "mean over classes and units of the kurtosis",
    "accuracy": "validation accuracy after training with the mask",
    "cavity_signs": "share of the cavity scores' cells with the sign that the paper saw",
}
"""What is compared, in words."""

COUNTS = {
    "dead_units": "share of the units that have no weight left",
    "fitted_units": "share of the units that have a width: enough weights, and a fit that converged",
}
"""How many units the statistics are of, in words."""

FURTHER = {
    "fan_in_variation": "standard deviation of the units' fan-in over its mean",
    "position_entropy": "mean entropy of the position of a unit's weights, nats",
    "position_spread": "mean root of the variance of the position of a unit's weights, along an axis, pixels",
    "nearest_ratio": "mean distance to the nearest weight over what chance gives; 1 without structure",
    "skewness": "mean over classes and units of the absolute skewness",
    "sixth_cumulant": "mean over classes of the units' median sixth cumulant; 0 for a Gaussian",
    "negentropy": "mean over classes and units of the negentropy (b), nats; 0 for a Gaussian",
}
"""What is compared too where it was measured (setting `measure.statistics`), in words."""

OF_LAYERS = {
    "share_reached": "mean share of the inputs that a unit's paths reach; 1: fields are the whole image",
    "width": "mean width of the supports of the units whose fit converged, pixels",
    "width_ratio": "mean of that width over the one of a random field of as many inputs; 1 without structure, and "
    "where all inputs are reached",
    "pair_correlation": "mean of g(r) of the supports over r = 1 ... 3; 1 without structure, and where all are reached",
    "pair_correlation_mixed": "the same if each unit drew as many inputs at random from the layer below",
    "path_spread": "mean root of the variance of the position of an input, drawn by its paths, along an axis, pixels",
    "path_spread_mixed": "the same if each unit drew as many inputs at random from the layer below",
    "ipr": "mean inverse participation ratio of the products of weights",
    "ipr_paths": "mean inverse participation ratio of the numbers of paths",
    "kurtosis": STATISTICS["kurtosis"],
    "kurtosis_median": "mean over classes of the units' median kurtosis, which few units that seldom act do not move",
    "cavity_signs": STATISTICS["cavity_signs"],
    "dead_units": "share of the units to which no path leads",
    "fitted_units": COUNTS["fitted_units"],
    **FURTHER,
}
"""What is compared for each layer where layers were measured (setting `measure.layers`): `layer2_width` and so on."""


class MethodTables(NamedTuple):
    """The tables of all runs that the comparison is made of."""

    locality: pd.DataFrame
    pair_correlation: pd.DataFrame
    participation: pd.DataFrame
    kurtosis: pd.DataFrame
    training: pd.DataFrame
    cavity: pd.DataFrame
    positions: pd.DataFrame | None = None
    nongaussianity: pd.DataFrame | None = None
    layers_locality: pd.DataFrame | None = None
    layers_pair_correlation: pd.DataFrame | None = None
    layers_kurtosis: pd.DataFrame | None = None
    layers_cavity: pd.DataFrame | None = None
    layers_positions: pd.DataFrame | None = None
    layers_nongaussianity: pd.DataFrame | None = None


ON_REQUEST = {
    "positions": "positions",
    "nongaussianity": "nongaussianity_by_class",
    "layers_locality": "layers_locality",
    "layers_pair_correlation": "layers_pair_correlation",
    "layers_kurtosis": "layers_kurtosis_by_class",
    "layers_cavity": "layers_cavity",
    "layers_positions": "layers_positions",
    "layers_nongaussianity": "layers_nongaussianity_by_class",
}
"""Which tables those of `MethodTables` are that need not be there."""

_KEYS = ["dataset", "method", "seed", "round"]
_COLUMNS = (
    *("dataset", "method", "round", "density", "statistic", "compared_with", "seed", "value", "minimum", "maximum"),
    *("interval_low", "interval_high", "effect_size", "p_value", "n_seeds", "reason"),
)


def compare_methods(tables: MethodTables, *, methods: Sequence[str], nested: Sequence[str]) -> Columns:
    """Every statistic of every method after every round, and how far it is from IMP's and from the null's.

    Differences are within a seed: the same data, the same start, the same round.

    Args:
        tables: of all runs.
        methods: in the order in which they are to come.
        nested: those whose masks are nested; the others' weights have no round of removal.

    Returns:
        For each dataset, method, round and statistic a row a seed and the summary, then the same of the differences to
        each of the `REFERENCES` there is.  Where there is no value, the reason.
    """
    values = _values(tables)
    densities = tables.locality.groupby(["dataset", "method", "round"])["density"].mean()
    rows: list[dict[str, str | int | float | None]] = []
    for dataset in tables.locality["dataset"].unique():
        of_dataset = tables.locality[tables.locality["dataset"] == dataset]
        seeds = sorted(of_dataset["seed"].unique().tolist())
        rounds = sorted(of_dataset.loc[of_dataset["round"] > 0, "round"].unique().tolist())
        for method in methods:
            for n in rounds:
                if (dataset, method, n) not in densities.index:
                    continue
                density = float(densities[dataset, method, n])
                what = {"dataset": dataset, "method": method, "round": n, "density": density}
                for statistic in values:
                    at = [values[statistic].get((dataset, method, seed, n), np.nan) for seed in seeds]
                    why = _why(statistic, method, nested)
                    rows += _rows({**what, "statistic": statistic}, seeds, at, why, is_difference=False)
                    for other in (one for one in REFERENCES if one in methods and one != method):
                        to = [values[statistic].get((dataset, other, seed, n), np.nan) for seed in seeds]
                        because = why if np.isnan(at).any() else f"{other}: {_why(statistic, other, nested)}"
                        pair = {**what, "statistic": statistic, "compared_with": other}
                        rows += _rows(pair, seeds, np.subtract(at, to).tolist(), because, is_difference=True)
    return {name: [row.get(name) for row in rows] for name in _COLUMNS}


def _values(tables: MethodTables) -> dict[str, "pd.Series[float]"]:
    """Each statistic by dataset, method, seed and round."""
    training = tables.training
    last = training[training["step"] == training.groupby(_KEYS)["step"].transform("max")]
    found = {
        "width": _converged(tables.locality).groupby(_KEYS)["sigma_x"].mean(),
        "pair_correlation": _near(tables.pair_correlation),
        "ipr": tables.participation.groupby(_KEYS)["ipr"].mean(),
        "kurtosis": tables.kurtosis.groupby(_KEYS)["kurtosis_mean"].mean(),
        "accuracy": last.groupby(_KEYS)["validation_accuracy"].mean(),
        **_counts(tables.locality, "n_weights"),
    }
    found["cavity_signs"] = _signs(tables.cavity)
    if tables.positions is not None:
        found |= _of_positions(tables.positions)
    if tables.nongaussianity is not None:
        found |= _of_nongaussianity(tables.nongaussianity)
    if tables.layers_locality is not None:
        for layer in sorted(tables.layers_locality["layer"].unique().tolist()):
            found |= {f"layer{layer}_{name}": series for name, series in _of_layer(tables, layer).items()}
    return {name: series.astype(float) for name, series in found.items()}


def _of_layer(tables: MethodTables, layer: int) -> dict[str, "pd.Series[float]"]:
    """The statistics `OF_LAYERS` of one layer, as far as they were measured."""

    def rows(table: pd.DataFrame | None) -> pd.DataFrame | None:
        return None if table is None else table[table["layer"] == layer]

    found: dict[str, pd.Series[float]] = {}
    if (locality := rows(tables.layers_locality)) is not None:
        spread, mixed = (
            np.sqrt((locality[f"{of}path_variance_x"] + locality[f"{of}path_variance_y"]) / 2) for of in ("", "mixed_")
        )
        ratio = locality["sigma_x"] / locality["chance_sigma_x"]
        locality = locality.assign(spread=spread, mixed=mixed, ratio=ratio)
        of_run, of_widths = locality.groupby(_KEYS), _converged(locality).groupby(_KEYS)
        found |= {
            "share_reached": of_run["share_reached"].mean(),
            "width": of_widths["sigma_x"].mean(),
            "width_ratio": of_widths["ratio"].mean(),
            "path_spread": of_run["spread"].mean(),
            "path_spread_mixed": of_run["mixed"].mean(),
            "ipr": of_run["ipr"].mean(),
            "ipr_paths": of_run["ipr_paths"].mean(),
            **_counts(locality, "n_reached"),
        }
    if (pairs := rows(tables.layers_pair_correlation)) is not None:
        found["pair_correlation"] = _near(pairs)
        found["pair_correlation_mixed"] = _near(pairs.assign(g=pairs["mixed_g"]))
    if (kurtosis := rows(tables.layers_kurtosis)) is not None:
        found["kurtosis"] = kurtosis.groupby(_KEYS)["kurtosis_mean"].mean()
        found["kurtosis_median"] = kurtosis.groupby(_KEYS)["kurtosis_median"].mean()
    if (cavity := rows(tables.layers_cavity)) is not None:
        found["cavity_signs"] = _signs(cavity)
    if (positions := rows(tables.layers_positions)) is not None:
        found |= _of_positions(positions)
    if (nongaussianity := rows(tables.layers_nongaussianity)) is not None:
        found |= _of_nongaussianity(nongaussianity)
    return {name: found[name] for name in OF_LAYERS if name in found}


def _converged(locality: pd.DataFrame) -> pd.DataFrame:
    return locality[locality["converged"].eq(True)]


def _counts(locality: pd.DataFrame, n_inputs: str) -> dict[str, "pd.Series[float]"]:
    """The `COUNTS`, by the column that says how many weights, or inputs, a unit has."""
    by = [locality[key] for key in _KEYS]
    return {
        "dead_units": locality[n_inputs].eq(0).groupby(by).mean().astype(float),
        "fitted_units": locality["converged"].eq(True).groupby(by).mean().astype(float),
    }


def _near(pairs: pd.DataFrame) -> "pd.Series[float]":
    near = pairs[pairs["radius"].isin(NEAR)]
    # A radius without pairs to expect leaves the mean without a value.
    return near.groupby(_KEYS)["g"].agg(lambda g: g.mean(skipna=False))


def _signs(cavity: pd.DataFrame) -> "pd.Series[float]":
    signs = {
        (dataset, method, seed, n): predicted_signs(cells[cells["rounds_done"] < n], str(method))[0]
        for (dataset, method, seed), cells in cavity.groupby(["dataset", "method", "seed"])
        for n in range(1, int(cells["rounds_done"].max()) + 2)
    }
    return pd.Series(signs, dtype=float)


def _of_nongaussianity(nongaussianity: pd.DataFrame) -> dict[str, "pd.Series[float]"]:
    of_run = nongaussianity.groupby(_KEYS)
    return {
        "skewness": of_run["skewness_size"].mean(),
        "sixth_cumulant": of_run["sixth_cumulant_median"].mean(),
        "negentropy": of_run["negentropy_b"].mean(),
    }


def _of_positions(positions: pd.DataFrame) -> dict[str, "pd.Series[float]"]:
    variance = (positions["position_variance_x"] + positions["position_variance_y"]) / 2
    positions = positions.assign(
        spread=np.sqrt(variance), ratio=positions["nearest_distance"] / positions["nearest_distance_expected"]
    )
    of_run = positions.groupby(_KEYS)
    return {
        "fan_in_variation": of_run["n_weights"].std(ddof=0) / of_run["n_weights"].mean(),
        "position_entropy": of_run["position_entropy"].mean(),
        "position_spread": of_run["spread"].mean(),
        "nearest_ratio": of_run["ratio"].mean(),
    }


_LAYER = re.compile(r"layer(\d+)_(\w+)")


def _why(statistic: str, method: str, nested: Sequence[str]) -> str:
    if of_layer := _LAYER.fullmatch(statistic):
        statistic = of_layer[2]
    match statistic:
        case "accuracy":
            return "was not trained with this mask (pruning.retrain_baselines)"
        case "cavity_signs" if method not in nested:
            return "its masks are not nested: a weight has no round of removal"
        case "cavity_signs":
            return "no cavity scores were measured"
        case "pair_correlation" | "pair_correlation_mixed" if of_layer:
            return "no unit reaches two inputs in a channel"
        case "pair_correlation":
            return "no unit has two weights in a channel"
        case "kurtosis" | "kurtosis_median" | "skewness" | "sixth_cumulant" | "negentropy":
            return "no unit's preactivation varies"
        case _ if of_layer:
            return "no unit reaches enough of the image"
        case _:
            return "no unit has enough weights"


def _rows(
    what: dict[str, str | int | float | None],
    seeds: Sequence[int],
    values: Sequence[float],
    why: str,
    *,
    is_difference: bool,
) -> Iterable[dict[str, str | int | float | None]]:
    """A row a seed and the summary, which leaves out seeds without a value and says so."""
    missing = [seed for seed, value in zip(seeds, values, strict=True) if np.isnan(value)]
    for seed, value in zip(seeds, values, strict=True):
        reason = why if seed in missing else None
        yield {**what, "seed": seed, "value": value, "minimum": value, "maximum": value, "reason": reason}
    known = [value for value in values if not np.isnan(value)]
    reason = why if not known else f"without seed {', '.join(map(str, missing))}: {why}" if missing else None
    summary = {**what, "n_seeds": len(known), "reason": reason}
    if known:
        over = effect(known, 0)
        summary |= {"value": float(np.mean(known)), "minimum": min(known), "maximum": max(known)}
        summary |= {"interval_low": over.low, "interval_high": over.high}
        summary |= {"effect_size": over.size, "p_value": over.p} if is_difference else {}
    yield summary


def tabulate_methods(columns: Columns) -> str:
    """The table `methods` without the rows of single seeds, as CSV for people: three digits."""
    table = pd.DataFrame(columns)
    return table[table["seed"].isna()].drop(columns="seed").to_csv(index=False, float_format="%.3g")


def summarise_methods(columns: Columns) -> str:
    """The methods at the final density as Markdown: a table a dataset, a row a method, the difference to IMP below."""
    table = pd.DataFrame(columns)
    table = table[table["seed"].isna() & (table["round"] == table["round"].max())]
    lines, words = [], in_words(table)
    for dataset, of_dataset in table.groupby("dataset", sort=False):
        density = of_dataset.loc[of_dataset["method"] == of_dataset["method"].iloc[0], "density"].iloc[0]
        lines += [f"## {dataset}, after round {of_dataset['round'].iloc[0]} (density {density:.3g})", ""]
        lines += _rows_of_methods(of_dataset, {name: name for name in words if not _LAYER.fullmatch(name)})
        for layer in sorted({int(found[1]) for name in words if (found := _LAYER.fullmatch(name))}):
            of_layer = {
                name: found[2] for name in words if (found := _LAYER.fullmatch(name)) and found[1] == str(layer)
            }
            lines += [f"### {dataset}, layer {layer}", "", *_rows_of_methods(of_dataset, of_layer)]
    note = (
        "Means over the seeds; in brackets the mean difference to IMP of the same seed and its 95 % interval (t), "
        "which with few seeds is wide. A dash: no value; `methods.csv` says why."
    )
    return "\n".join([*lines, note, "", *(f"- {name}: {meaning}" for name, meaning in words.items()), ""])


def _rows_of_methods(table: pd.DataFrame, statistics: Mapping[str, str]) -> list[str]:
    """A row a method, a column each of some statistics, which are called as is said."""
    lines = ["| method | " + " | ".join(statistics.values()) + " |", "| --- |" + " --- |" * len(statistics)]
    for method, rows in table.groupby("method", sort=False):
        cells = [_cell(rows[rows["statistic"] == statistic]) for statistic in statistics]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def in_words(table: pd.DataFrame) -> dict[str, str]:
    """What the statistics in a table's column `statistic` mean; the `STATISTICS` whether they are there or not."""
    there = list(dict.fromkeys(table["statistic"]))
    of_layers = {
        name: f"layer {found[1]}: {OF_LAYERS[found[2]]}" for name in there if (found := _LAYER.fullmatch(name))
    }
    return STATISTICS | {name: words for name, words in (FURTHER | COUNTS).items() if name in there} | of_layers


def _cell(rows: pd.DataFrame) -> str:
    own, to_imp = (rows[rows["compared_with"].isna()], rows[rows["compared_with"] == "imp"])
    if own.empty or own["value"].isna().all():
        return "-"
    text = f"{own['value'].iloc[0]:.3g}"
    if to_imp.empty or to_imp["value"].isna().all():
        return text
    row = to_imp.iloc[0]
    interval = "" if pd.isna(row["interval_low"]) else f", {row['interval_low']:+.2g} to {row['interval_high']:+.2g}"
    return f"{text} ({row['value']:+.2g}{interval})"
