"""Dose and response: which datasets make an arm, and trends against a slow Page test."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from reference.trends import page
from winnow.claims.dial import follow_dial, levels_by_arm, summarise_trends
from winnow.store.tables import read_table, write_table

DIALS = {
    "far": ("saturating", -1.9),
    "none": ("saturating", 0.0),
    "near": ("saturating", -0.5),
    "heavy": ("heavy_tailed", 2.0),
    "heavier": ("heavy_tailed", 8.0),
}
ORDER = {"saturating": ["none", "near", "far"], "heavy_tailed": ["none", "heavy", "heavier"]}


def methods(values: dict[tuple[str, int], float], **changes: object) -> pd.DataFrame:
    """The table `methods` of one statistic, its last round the second, with a summary row each."""
    rows = [
        {"dataset": dataset, "method": "imp", "round": n, "density": 0.5**n, "statistic": "width", "seed": seed}
        | {"compared_with": None, "value": value if n == 2 else 99.0}
        for (dataset, seed), value in values.items()
        for n in (1, 2)
    ]
    rows += [{**row, "seed": None, "value": -1.0} for row in rows]
    return pd.DataFrame(rows).assign(**changes)


def random_values(seed: int, seeds: int = 3) -> dict[tuple[str, int], float]:
    draw = np.random.default_rng(seed)
    return {(dataset, s): float(draw.normal()) for dataset in DIALS for s in range(seeds)}


def test_an_arm_runs_from_the_gaussian_outwards_and_shares_it():
    assert levels_by_arm(DIALS) == ORDER
    assert levels_by_arm({"none": ("elliptical", 0.0)}) == {}


@pytest.mark.parametrize("seed", range(5))
def test_trends_are_those_of_the_slow_test(seed):
    values = random_values(seed)
    tables = follow_dial(methods(values), DIALS)
    trends = pd.DataFrame(tables.trends).set_index("arm")
    assert list(trends.index) == ["saturating", "heavy_tailed"]
    p_values = []
    for arm, order in ORDER.items():
        curve = [[values[dataset, s] for dataset in order] for s in range(3)]
        statistic, rising, falling = page(curve)
        row = trends.loc[arm]
        assert (row["page_l"], row["n_levels"], row["n_seeds"]) == (statistic, 3, 3)
        assert (row["p_rising"], row["p_falling"]) == pytest.approx((rising, falling))
        assert (row["at_zero"], row["at_end"]) == pytest.approx((np.mean(curve, axis=0)[0], np.mean(curve, axis=0)[-1]))
        p_values.append(min(1, 2 * min(rising, falling)))
    # Benjamini & Yekutieli of two: times 2 (1 + 1/2) for the smaller, over its rank for the larger.
    expected = [min(1, p * 3 / (2 if p == max(p_values) else 1)) for p in p_values]
    if len(set(p_values)) == 2:
        assert list(trends["p_adjusted"]) == pytest.approx([min(e, 1, max(expected)) for e in expected])


def test_a_clear_trend_is_found_and_its_direction():
    values = {
        (dataset, s): abs(dial) * (1 if arm == "saturating" else -1)
        for s in range(3)
        for dataset, (arm, dial) in DIALS.items()
    }
    trends = pd.DataFrame(follow_dial(methods(values), DIALS).trends)
    up, down = trends.to_dict("records")
    assert up["p_rising"] == pytest.approx(1 / math.factorial(3) ** 3) == pytest.approx(down["p_falling"])
    assert up["p_falling"] == pytest.approx(1) == pytest.approx(down["p_rising"])


def test_responses_are_the_last_round_of_every_seed():
    values = random_values(1)
    responses = pd.DataFrame(follow_dial(methods(values), DIALS).responses)
    assert len(responses) == 6 * 3 and set(responses["round"]) == {2}
    for row in responses.to_dict("records"):
        assert row["value"] == values[row["dataset"], row["seed"]] and row["dial"] == DIALS[row["dataset"]][1]
    assert set(responses.loc[responses["dataset"] == "none", "arm"]) == set(ORDER)


def test_what_has_no_trend_says_why():
    values = random_values(2)
    values["near", 1] = math.nan
    first, second = follow_dial(methods(values), DIALS).trends["reason"]
    assert first == "a seed has no value at a level" and second is None
    adjusted = follow_dial(methods(values), DIALS).trends["p_adjusted"]
    _, *sides = page([[values[dataset, s] for dataset in ORDER["heavy_tailed"]] for s in range(3)])
    assert math.isnan(adjusted[0]) and adjusted[1] == pytest.approx(min(1, 2 * min(sides)))
    (lone,) = set(follow_dial(methods(random_values(2, seeds=1)), DIALS).trends["reason"])
    assert lone == "a trend needs two seeds and three levels at least"


def test_tables_are_written_and_the_summary_read(tmp_path):
    values = random_values(3)
    own = methods(values)
    difference = methods(values, method="oneshot", compared_with="imp")
    tables = follow_dial(pd.concat([own, difference], ignore_index=True), DIALS)
    for name, columns in (("responses", tables.responses), ("trends", tables.trends)):
        write_table(tmp_path / name, name, columns)
        assert read_table(tmp_path / name, name).num_rows == len(columns["arm"])
    text = summarise_trends(tables.trends)
    assert "## heavy_tailed" in text and "| statistic | imp | oneshot − imp |" in text
    (line, _) = [line for line in text.splitlines() if line.startswith("| width |")]
    at = [np.mean([values[dataset, s] for s in range(3)]) for dataset in ("none", "far")]
    assert f"{at[0]:.3g} → {at[1]:.3g} (" in line


def test_the_slow_test_is_page_s():
    """Every order of every seed once: L of all, tied values apart."""
    statistic, rising, falling = page([[1.0, 2.0, 3.0], [1.0, 3.0, 2.0]])
    assert statistic == 14 + 13
    orders = [sum((k + 1) * rank for k, rank in enumerate(order)) for order in itertools.permutations((1, 2, 3))]
    sums = [a + b for a in orders for b in orders]
    assert rising == pytest.approx(np.mean([total >= 27 for total in sums]))
    assert falling == pytest.approx(np.mean([total <= 27 for total in sums]))
