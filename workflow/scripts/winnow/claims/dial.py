"""Dose and response: the statistics of datasets with a dial against it, and a trend test of each curve."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from winnow.claims.methods import COUNTS, in_words
from winnow.claims.seeds import adjust

Columns = dict[str, list[Any]]
"""Columns of a table."""

_CURVE = ["arm", "method", "compared_with", "statistic"]
_RESPONSE = ("dataset", "arm", "dial", "method", "compared_with", "seed", "round", "density", "statistic", "value")
_TREND = (
    *_CURVE,
    "n_levels",
    "n_seeds",
    "at_zero",
    "at_end",
    "page_l",
    "p_rising",
    "p_falling",
    "p_adjusted",
    "reason",
)


class DialTables(NamedTuple):
    """Columns of the tables `responses` and `trends`."""

    responses: Columns
    trends: Columns


def follow_dial(methods: pd.DataFrame, dials: Mapping[str, tuple[str, float]]) -> DialTables:
    """Every statistic after the last round against the dial, arm by arm, and whether it rises or falls along it.

    The dial runs from 0, the Gaussian images, which all arms share, to the arm's end, whatever its sign.  Trends are
    Page's: `L = Σ_k k Σ_s rank_s(k)` over levels k, the ranks within a seed s, against the exact distribution of L when
    all orders of a seed's levels are equally likely.  Seeds are blocks; they share the images, so that the trend is one
    of these images.  (E. B. Page, J. Am. Stat. Assoc. 58, 216, 1963.)

    Args:
        methods: table `methods`.
        dials: the arm and the dial of each dataset that has one.

    Returns:
        Responses: a row an arm, dataset, method (or its difference to another) and seed.  Trends: a row a curve, with
        the one-sided p of a rise and of a fall, and the two-sided one adjusted for the number of tests; or the reason
        why there is none.
    """
    responses = _responses(methods, dials)
    trends: list[dict[str, Any]] = [
        dict(zip(_CURVE, key, strict=True)) | _trend(curve) for key, curve in responses.groupby(_CURVE, sort=False)
    ]
    two_sided = 2 * np.array([[row.get("p_rising", np.nan), row.get("p_falling", np.nan)] for row in trends])
    p_values = adjust(np.minimum(two_sided.min(axis=1), 1).tolist())
    for row, p in zip(trends, p_values, strict=True):
        row |= {"p_adjusted": p, "compared_with": row["compared_with"] or None}
    told = responses.assign(compared_with=responses["compared_with"].replace({"": None}))
    return DialTables(
        {name: told[name].tolist() for name in _RESPONSE}, {name: [row.get(name) for row in trends] for name in _TREND}
    )


def levels_by_arm(dials: Mapping[str, tuple[str, float]]) -> dict[str, list[str]]:
    """The datasets of each arm from the Gaussian on; an arm without Gaussian images of its own takes the others'."""
    gaussian = [name for name, (_, dial) in dials.items() if dial == 0]
    levels = {}
    for arm in dict.fromkeys(arm for arm, dial in dials.values() if dial != 0):
        own = sorted((name for name in dials if dials[name][0] == arm), key=lambda name: abs(dials[name][1]))
        levels[arm] = own if dials[own[0]][1] == 0 else gaussian + own
    return levels


def _responses(methods: pd.DataFrame, dials: Mapping[str, tuple[str, float]]) -> pd.DataFrame:
    """The rows of the last round, arm by arm; `compared_with` is empty for a method's own values."""
    # How many units there are, of any layer, is no response.
    wanted = methods["seed"].notna() & ~methods["statistic"].str.endswith(tuple(COUNTS))
    last: pd.DataFrame = methods.loc[(methods["round"] == methods["round"].max()) & wanted]
    last = last.assign(compared_with=last["compared_with"].fillna(""))
    parts = [
        last[last["dataset"] == dataset].assign(arm=arm, dial=dials[dataset][1])
        for arm, datasets in levels_by_arm(dials).items()
        for dataset in datasets
    ]
    return pd.concat(parts, ignore_index=True)


def _trend(curve: pd.DataFrame) -> dict[str, Any]:
    """The columns of one curve, without its key and the adjusted p."""
    levels = sorted(curve["dial"].unique().tolist(), key=abs)
    values = curve.pivot_table("value", "seed", "dial", dropna=False)[levels].to_numpy()
    n_seeds, n_levels = values.shape
    row = {
        "n_levels": n_levels,
        "n_seeds": n_seeds,
        "at_zero": values[:, 0].mean(),
        "at_end": values[:, -1].mean(),
    }
    if np.isnan(values).any():
        return row | {"reason": "a seed has no value at a level"}
    if n_seeds < 2 or n_levels < 3:
        return row | {"reason": "a trend needs two seeds and three levels at least"}
    rising = stats.page_trend_test(values)
    falling = stats.page_trend_test(values, predicted_ranks=np.arange(n_levels, 0, -1))
    return row | {"page_l": rising.statistic, "p_rising": rising.pvalue, "p_falling": falling.pvalue}


def summarise_trends(trends: Columns) -> str:
    """The table `trends` as Markdown: a table an arm, a row a statistic, a column a method."""
    table = pd.DataFrame(trends).fillna({"compared_with": ""})
    lines: list[str] = []
    meanings = in_words(table)
    for arm, of_arm in table.groupby("arm", sort=False):
        curves = {(row["method"], row["compared_with"], row["statistic"]): _cell(row) for _, row in of_arm.iterrows()}
        columns = list(dict.fromkeys((method, other) for method, other, _ in curves))
        names = [f"{method} − {other}" if other else method for method, other in columns]
        lines += [f"## {arm}", "", "| statistic | " + " | ".join(names) + " |", "| --- |" + " --- |" * len(names)]
        for statistic in meanings:
            cells = [curves.get((*column, statistic), "-") for column in columns]
            if set(cells) != {"-"}:
                lines.append(f"| {statistic} | " + " | ".join(cells) + " |")
        lines.append("")
    words = [f"- {name}: {meaning}" for name, meaning in meanings.items()]
    note = (
        "Means over the seeds on Gaussian images and at the arm's end, after the last round; the direction of the "
        "trend, and its p: Page's test with the seeds as blocks, exact, two-sided, adjusted for all tests of this file "
        "(Benjamini-Yekutieli). The seeds share the images. A dash: no value."
    )
    return "\n".join([*lines, note, "", *words, ""])


def _cell(row: "pd.Series[Any]") -> str:
    if pd.isna(row["at_zero"]) or pd.isna(row["at_end"]):
        return "-"
    values = f"{row['at_zero']:.3g} → {row['at_end']:.3g}"
    if pd.isna(row["p_adjusted"]):
        return values
    return f"{values} ({'rises' if row['p_rising'] < row['p_falling'] else 'falls'}, p {row['p_adjusted']:.2g})"
