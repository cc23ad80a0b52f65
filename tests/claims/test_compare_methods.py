"""The methods side by side."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from test_claims import cavity, kurtosis, locality, pair_correlation

from winnow.claims.methods import (
    COUNTS,
    FURTHER,
    OF_LAYERS,
    STATISTICS,
    MethodTables,
    compare_methods,
    summarise_methods,
    tabulate_methods,
)
from winnow.claims.paper import CLAIMS
from winnow.claims.table import check_claims
from winnow.store.tables import read_table, write_table

WIDTHS = {"imp": 3.0, "imp_shuffled_unit": 8.0, "snip": 6.0, "synflow": 7.0}


def tables(shift=(0.0, 0.5), widths=WIDTHS):
    """Two rounds and two seeds; the second seed's widths under SNIP are larger by another amount than IMP's."""
    local = locality(widths).assign(density=lambda t: 0.7 ** t["round"], n_weights=lambda t: t["unit"].clip(lower=0))
    local.loc[(local["method"] == "snip") & (local["seed"] == 1), "sigma_x"] += shift[1]
    runs = [(method, seed, n) for method in widths for seed in (0, 1) for n in range(3)]
    keys = ["dataset", "method", "seed", "round"]
    rows = [("d", *run, unit, 0.1 * unit) for run in runs for unit in (1, 2)]
    participation = pd.DataFrame(rows, columns=[*keys, "unit", "ipr"])
    rows = [("d", "imp", seed, n, step, 0.01 * step) for seed in (0, 1) for n in (0, 1) for step in (20, 40)]
    training = pd.DataFrame(rows, columns=[*keys, "step", "validation_accuracy"])
    fates = cavity(1).assign(method="imp")
    return MethodTables(
        local,
        pair_correlation(dict.fromkeys(widths, 0.5)),
        participation,
        kurtosis({method: [3.0, 3.5, 4.0] for method in widths}),
        training,
        fates,
    )


def compared(given=None, methods=tuple(WIDTHS), nested=("imp", "imp_shuffled_unit", "snip")):
    return pd.DataFrame(compare_methods(given or tables(), methods=methods, nested=nested))


def at(table, method, statistic, other=None, seed=None, n=2):
    rows = table[(table["method"] == method) & (table["statistic"] == statistic) & (table["round"] == n)]
    rows = rows[rows["compared_with"].isna() if other is None else rows["compared_with"] == other]
    (row,) = rows[rows["seed"].isna() if seed is None else rows["seed"] == seed].to_dict("records")
    return row


def test_values_are_those_of_the_statistics_by_seed():
    table = compared()
    assert at(table, "imp", "width", seed=0)["value"] == pytest.approx(3.0)  # the mean of 2, 3 and 4
    assert at(table, "snip", "width", seed=1)["value"] == pytest.approx(6.5)
    assert at(table, "imp", "pair_correlation", seed=0)["value"] == pytest.approx(1 + 0.5 * (3 + 2 + 1) / 2 / 3)
    assert at(table, "snip", "ipr", seed=0)["value"] == pytest.approx(0.15)
    assert at(table, "snip", "kurtosis", seed=0)["value"] == pytest.approx(4.0)
    assert at(table, "imp", "accuracy", seed=0, n=1)["value"] == pytest.approx(0.4)  # of the last step
    assert at(table, "snip", "dead_units", seed=0)["value"] == pytest.approx(2 / 3)  # unit 1 alone has a weight
    assert at(table, "imp", "fitted_units", seed=1)["value"] == pytest.approx(1)
    assert at(table, "imp", "fitted_units", seed=0)["value"] == pytest.approx(3 / 5)  # without the two odd rows
    assert set(table["round"]) == {1, 2} and set(table["statistic"]) == {*STATISTICS, *COUNTS}


def with_further(given):
    runs = given.participation[["dataset", "method", "seed", "round"]].drop_duplicates()
    units = pd.concat([runs.assign(unit=unit) for unit in (1, 2)])
    positions = units.assign(
        n_weights=10 * units["unit"],
        position_entropy=units["unit"] + units["seed"],
        position_variance_x=8.0 * units["unit"] ** 2,
        position_variance_y=10.0 * units["unit"] ** 2,
        nearest_distance=1.0,
        nearest_distance_expected=4.0,
    )
    positions.loc[positions["unit"] == 1, "nearest_distance"] = np.nan  # a unit with a single weight
    classes = pd.concat([runs.assign(**{"class": k}) for k in (0, 1)])
    nongaussianity = classes.assign(
        skewness_size=classes["class"] + 0.5,
        sixth_cumulant_mean=100.0,
        sixth_cumulant_median=-3.0 * classes["round"],
        negentropy_a=7.0,
        negentropy_b=0.1 * classes["class"],
    )
    return given._replace(positions=positions, nongaussianity=nongaussianity)


def test_what_was_measured_beside_is_compared_too():
    given = with_further(tables())
    table = compared(given)
    assert set(table["statistic"]) == {*STATISTICS, *COUNTS, *FURTHER}
    expected = {
        "fan_in_variation": 1 / 3,  # of 10 and 20
        "position_entropy": 2.5,
        "position_spread": 4.5,
        "nearest_ratio": 0.25,
        "skewness": 1.0,
        "sixth_cumulant": -6.0,
        "negentropy": 0.05,
    }
    assert {name: at(table, "snip", name, seed=1)["value"] for name in FURTHER} == pytest.approx(expected)
    columns = compare_methods(given, methods=("imp", "snip"), nested=("imp",))
    assert all(f"- {name}: " in summarise_methods(columns) for name in (*STATISTICS, *FURTHER))
    alone = compare_methods(given._replace(nongaussianity=None), methods=("imp", "snip"), nested=("imp",))
    assert "nearest_ratio" in summarise_methods(alone) and "negentropy" not in summarise_methods(alone)


def with_layers(given):
    """Two layers that have what the first has, times the layer, and a little more."""
    given = with_further(given)

    def in_layers(table, *columns):
        return pd.concat(
            [table.assign(layer=layer, **{name: layer * table[name] for name in columns}) for layer in (1, 2)],
            ignore_index=True,
        )

    units = given.locality.assign(
        share_reached=0.25,
        n_reached=given.locality["n_weights"],
        chance_sigma_x=given.locality["sigma_x"] * 2,
        path_variance_x=8.0,
        path_variance_y=10.0,
        mixed_path_variance_x=40.0,
        mixed_path_variance_y=58.0,
        ipr=0.5,
        ipr_paths=0.125,
    )
    return given._replace(
        layers_locality=in_layers(units, "sigma_x", "share_reached", "ipr"),
        layers_pair_correlation=in_layers(given.pair_correlation.assign(mixed_g=5.0), "g"),
        layers_kurtosis=in_layers(given.kurtosis.assign(kurtosis_median=2.5), "kurtosis_mean"),
        layers_cavity=in_layers(given.cavity),
        layers_positions=in_layers(given.positions, "position_entropy"),
        layers_nongaussianity=in_layers(given.nongaussianity, "skewness_size"),
    )


def test_each_layer_is_compared_and_the_first_is_what_it_is_without():
    given = with_layers(tables())
    table = compared(given)
    of_layers = {f"layer{layer}_{name}" for layer in (1, 2) for name in OF_LAYERS}
    assert set(table["statistic"]) == {*STATISTICS, *COUNTS, *FURTHER} | of_layers
    for name in (*STATISTICS, *COUNTS, *FURTHER):
        if name in OF_LAYERS and name != "ipr":
            first, again = (at(table, "snip", statistic, other="imp") for statistic in (name, f"layer1_{name}"))
            assert {k: v for k, v in first.items() if k not in ("statistic", "reason")} == pytest.approx(
                {k: v for k, v in again.items() if k not in ("statistic", "reason")}, nan_ok=True
            )
    expected = {
        "share_reached": 0.5,
        "width": 6.0,
        "width_ratio": 1.0,
        "pair_correlation_mixed": 5.0,
        "path_spread": 3.0,
        "path_spread_mixed": 7.0,
        "ipr": 1.0,
        "ipr_paths": 0.125,
        "position_entropy": 3.0,
        "skewness": 2.0,
    }
    assert {name: at(table, "imp", f"layer2_{name}", seed=0)["value"] for name in expected} == pytest.approx(expected)
    because = at(table, "synflow", "layer2_cavity_signs")["reason"]
    assert because == "its masks are not nested: a weight has no round of removal"
    summary = summarise_methods(table.to_dict("list"))
    assert "### d, layer 1\n\n| method | share_reached | width | width_ratio |" in summary
    assert f"- layer2_kurtosis: layer 2: {OF_LAYERS['kurtosis']}" in summary
    alone = compared(with_layers(tables())._replace(layers_positions=None, layers_nongaussianity=None))
    assert "layer2_width" in set(alone["statistic"]) and "layer2_negentropy" not in set(alone["statistic"])


def test_differences_pair_by_seed_and_have_the_interval_of_students_t():
    row = at(compared(), "snip", "width", other="imp")
    assert (row["value"], row["minimum"], row["maximum"]) == (pytest.approx(3.25), pytest.approx(3), pytest.approx(3.5))
    interval = stats.ttest_1samp([3.0, 3.5], 0).confidence_interval(0.95)
    assert (row["interval_low"], row["interval_high"]) == pytest.approx((interval.low, interval.high))
    assert row["p_value"] == pytest.approx(0.5) and row["n_seeds"] == 2  # two seeds cannot say more
    null = at(compared(), "snip", "width", other="imp_shuffled_unit")
    assert null["value"] == pytest.approx(-1.75)
    own = at(compared(), "snip", "width")
    assert np.isnan(own["p_value"]) and own["value"] == pytest.approx(6.25)


def test_no_method_is_compared_with_itself_or_with_what_is_not_there():
    table = compared()
    assert not (table["method"] == table["compared_with"]).any()
    assert set(compared(methods=("snip", "synflow"))["compared_with"].dropna()) == set()


def test_what_has_no_value_says_why():
    table = compared()
    accuracy = at(table, "snip", "accuracy")
    assert np.isnan(accuracy["value"]) and "retrain_baselines" in accuracy["reason"] and accuracy["n_seeds"] == 0
    assert "not nested" in at(table, "synflow", "cavity_signs")["reason"]
    assert "no cavity scores" in at(table, "snip", "cavity_signs")["reason"]
    signs = at(table, "imp", "cavity_signs")
    assert signs["value"] == 1.0 and pd.isna(signs["reason"])


def test_a_seed_without_a_value_is_left_out_and_named():
    given = tables()
    given.locality.loc[(given.locality["method"] == "snip") & (given.locality["seed"] == 1), "converged"] = False
    row = at(compared(given), "snip", "width")
    assert (row["value"], row["n_seeds"]) == (pytest.approx(6), 1) and row["reason"].startswith("without seed 1: ")
    assert np.isnan(row["interval_low"])


def test_the_table_is_written_and_summarised(tmp_path):
    columns = compare_methods(tables(), methods=tuple(WIDTHS), nested=("imp",))
    write_table(tmp_path / "methods.parquet", "methods", columns)
    assert len(read_table(tmp_path / "methods.parquet", "methods")) == len(columns["value"])
    csv = tabulate_methods(columns).splitlines()
    assert csv[0].startswith("dataset,method,round,density,statistic,compared_with,value")
    assert len(csv) == 1 + sum(seed is None for seed in columns["seed"])
    markdown = summarise_methods(columns)
    assert "## d, after round 2 (density 0.49)" in markdown
    (line,) = [line for line in markdown.splitlines() if line.startswith("| snip |")]
    assert line.startswith("| snip | 6.25 (+3.2, +0.073 to +6.4) | ") and " | - | - | 0.667 (" in line
    assert all(f"- {name}: " in markdown for name in STATISTICS)


def test_claims_without_the_papers_methods_are_undetermined_and_say_so():
    given = tables(widths={"snip": 4.0, "synflow": 5.0})
    empty = given.cavity.iloc[:0]
    columns = check_claims(
        given.locality,
        given.pair_correlation,
        given.kurtosis,
        empty,
        datasets=["d"],
        clone_suffix="-clone",
    )
    table = pd.DataFrame(columns)
    deciding = table[table["seed"].isna() & table["rule"].notna()]
    assert len(deciding) == len(CLAIMS) and set(deciding["verdict"]) == {"undetermined"}
    assert deciding["reason"].str.contains("there is no run of|there is no Gaussian clone").all(), deciding["reason"]
