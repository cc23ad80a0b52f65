import numpy as np
import pandas as pd
import pytest

from winnow.claims.paper import CLAIMS
from winnow.claims.seeds import adjust
from winnow.claims.statistics import (
    NothingToCompute,
    final_width,
    predicted_signs,
    share_without_width,
    short_range_order,
)
from winnow.claims.table import check_claims, summarise_claims
from winnow.store.tables import read_table, write_table


def locality(widths, dataset="d", seeds=(0, 1), rounds=2):
    """Widths at the last round by method; round 0 is wide everywhere.  One unit in four lies closer than chance."""
    rows = [
        (dataset, method, seed, n, unit, width + (n == 0) * 5 + unit, True, 14.0 + unit, 0.005 if unit < 0 else 0.5)
        for method, width in widths.items()
        for seed in seeds
        for n in range(rounds + 1)
        for unit in (-1, 0, 1)
    ]
    table = pd.DataFrame(rows, columns=LOCALITY)
    odd = table.iloc[:2].assign(sigma_x=[np.nan, 1e6], converged=[None, False], round=rounds, close_pairs_p=[np.nan, 1])
    return pd.concat([table, odd], ignore_index=True)


LOCALITY = ["dataset", "method", "seed", "round", "unit", "sigma_x", "converged", "chance_sigma_x", "close_pairs_p"]


def pair_correlation(orders, dataset="d", seeds=(0, 1), rounds=2):
    """g(r) − 1 falls from three times the given number at r = 1 to itself at 3, and is large beyond."""
    rows = [
        (dataset, method, seed, n, r, 1 + (order * (4 - r) / 2 if r <= 3 else 7) + (n == 0) * 5)
        for method, order in orders.items()
        for seed in seeds
        for n in range(rounds + 1)
        for r in (1, 2, 3, 4)
    ]
    return pd.DataFrame(rows, columns=["dataset", "method", "seed", "round", "radius", "g"])


def kurtosis(by_method, dataset="d", seeds=(0, 1)):
    rows = [
        (dataset, method, seed, n, k, value + 0.1 * (k - 0.5))
        for method, values in by_method.items()
        for seed in seeds
        for n, value in enumerate(values)
        for k in (0, 1)
    ]
    return pd.DataFrame(rows, columns=["dataset", "method", "seed", "round", "class", "kurtosis_mean"])


def cavity(sign, fates_of="imp", dataset="d", seeds=(0, 1), rounds=3):
    """Mean scores with the predicted sign (+1), the opposite (-1), or by a function of the cell."""
    rows = []
    for seed in seeds:
        for n in range(rounds):
            for r in [*range(n + 1, rounds + 1), None]:
                predicted = 1.0 if r == n + 1 else -1.0
                rows.append(
                    (dataset, fates_of, fates_of, seed, n, r, sign(n, r) if callable(sign) else sign * predicted)
                )
    columns = ["dataset", "method", "fates_of", "seed", "rounds_done", "removed_in", "mean_score"]
    return pd.DataFrame(rows, columns=columns).astype({"removed_in": "Int64"})


GOOD_WIDTHS = {"imp": 8.0, "oneshot": 10.0, "random": 14.0}
GOOD_ORDERS = {"imp": 2.0, "oneshot": 1.0, "random": 0.0}
GOOD_KURTOSIS = {"imp": [3.1, 3.5, 4.0], "oneshot": [3.1, 3.3, 3.6], "random": [3.1, 3.1, 3.1]}
NUMBERS = ["1", "1b", "2", "2b", "3", "3b", "4", "4b", "5", "5b"]


def verdicts(widths=None, orders=None, clone=None, clone_order=0.5, kurtoses=None, scores=None, rounds=2):
    tables = [locality(widths or GOOD_WIDTHS, rounds=rounds)]
    pairs = [pair_correlation(orders or GOOD_ORDERS, rounds=rounds)]
    if clone:
        tables.append(locality(clone, dataset="d-clone", rounds=rounds))
        pairs.append(pair_correlation({"imp": clone_order}, dataset="d-clone", rounds=rounds))
    kurtoses = {method: values[: rounds + 1] for method, values in (kurtoses or GOOD_KURTOSIS).items()}
    columns = check_claims(
        pd.concat(tables, ignore_index=True),
        pd.concat(pairs, ignore_index=True),
        kurtosis(kurtoses),
        cavity(1, rounds=rounds + 1) if scores is None else scores,
        datasets=["d"],
        clone_suffix="-clone",
    )
    table = pd.DataFrame(columns)
    return deciding(table).set_index("claim")["verdict"].to_dict(), table


def deciding(table):
    """The rows that decide, of all seeds together."""
    return table[table["seed"].isna() & table["verdict"].notna()]


def value(table, claim, statistic):
    (found,) = table[(table["claim"] == claim) & table["seed"].isna() & (table["statistic"] == statistic)]["value"]
    return found


def test_a_paper_that_holds():
    found, table = verdicts(clone={"imp": 12.0})
    assert found == dict.fromkeys(NUMBERS, "supported")
    gap = table[(table["claim"] == "1") & table["verdict"].notna()]
    assert gap["value"].tolist() == [2.0, 2.0, 2.0]
    assert [claim.number for claim in CLAIMS] == NUMBERS
    assert table["place"].str.contains("version [13]").all()


@pytest.mark.parametrize(
    ("change", "claims"),
    [
        ({"widths": {"imp": 11.0, "oneshot": 10.0, "random": 14.0}}, {"1"}),
        ({"widths": {"imp": 8.0, "oneshot": 15.0, "random": 14.0}}, {"1"}),
        ({"orders": {"imp": 1.0, "oneshot": 1.1, "random": 0.0}}, {"1b"}),
        ({"orders": {"imp": 2.0, "oneshot": 0.1, "random": 0.2}}, {"1b"}),
        ({"clone": {"imp": 7.0}}, {"2"}),
        ({"clone_order": 2.1}, {"2b"}),
        ({"kurtoses": {**GOOD_KURTOSIS, "oneshot": [3.1, 4.3, 4.6]}}, {"3", "3b"}),
        ({"kurtoses": {**GOOD_KURTOSIS, "random": [3.1, 3.7, 3.8]}}, {"3", "3b"}),
        ({"kurtoses": {**GOOD_KURTOSIS, "imp": [3.1, 4.5, 4.0]}}, {"4", "4b"}),
        ({"kurtoses": {method: 6 - np.array(values) for method, values in GOOD_KURTOSIS.items()}}, {"3", "4"}),
        ({"scores": cavity(-1)}, {"5", "5b"}),
        ({"scores": cavity(lambda n, r: -1.0)}, {"5", "5b"}),
        ({"scores": cavity(lambda n, r: 1.0)}, {"5"}),
    ],
)
def test_each_claim_can_fail_alone(change, claims):
    found, _ = verdicts(**{"clone": {"imp": 12.0}, **change})
    assert found == {n: "not supported" if n in claims else "supported" for n in NUMBERS}


def test_seeds_that_disagree_and_missing_data_leave_it_undetermined():
    mixed = pd.concat([cavity(1, seeds=[0]), cavity(-1, seeds=[1])], ignore_index=True)
    found, table = verdicts(scores=mixed)
    assert found["5"] == "undetermined"
    per_seed = table[(table["claim"] == "5") & table["verdict"].notna() & table["seed"].notna()]
    assert per_seed["verdict"].tolist() == ["supported", "not supported"]
    rows = deciding(table).set_index("claim")
    assert rows.loc["5", "reason"] == "the seeds disagree"
    assert rows.loc["5", "agreement"] == "agrees in 1 of 2 seeds; by chance at most 1 in 1.33"
    for claim in ("2", "2b"):
        assert found[claim] == "undetermined"
        assert rows.loc[claim, "reason"] == "there is no Gaussian clone"
        assert rows.loc[claim, ["value", "p_value", "n_agree"]].isna().all()


def test_after_one_round_imp_is_oneshot_and_nothing_is_decided():
    scores = cavity(1, rounds=1)
    found, table = verdicts(rounds=1, clone={"imp": 12.0}, scores=scores)
    rows = deciding(table).set_index("claim")
    assert {claim for claim, verdict in found.items() if verdict == "undetermined"} == {"1", "1b", "3", "3b", "5"}
    assert set(rows.loc[["1", "1b", "3", "3b"], "reason"]) == {"after one round, IMP's mask is oneshot's"}
    assert "later than in the next round" in rows.loc["5", "reason"]


def test_a_seed_without_a_number_is_named():
    pairs = pair_correlation(GOOD_ORDERS)
    pairs.loc[(pairs["seed"] == 1) & (pairs["method"] == "oneshot"), "g"] = np.nan
    columns = check_claims(
        locality(GOOD_WIDTHS), pairs, kurtosis(GOOD_KURTOSIS), cavity(1), datasets=["d"], clone_suffix="-clone"
    )
    row = deciding(pd.DataFrame(columns)).set_index("claim").loc["1b"]
    assert row["verdict"] == "undetermined"
    assert row["reason"] == "seed 1: no unit has two weights in a channel under oneshot"


def test_widths_leave_out_units_without_a_converged_fit():
    table = locality(GOOD_WIDTHS, seeds=[0])
    assert final_width(table, "imp") == 8.0
    assert share_without_width(table, "imp") == pytest.approx(2 / 5)
    assert share_without_width(table, "random") == 0
    with pytest.raises(NothingToCompute, match="there is no run of set"):
        final_width(table, "set")


def test_what_chance_gives_stands_beside():
    _, table = verdicts(clone={"imp": 12.0})
    assert value(table, "1", "mean width, random masks with the weights of imp's units, pixels") == pytest.approx(
        (69 / 5 + 14) / 2
    )
    # Of seed 0's five units one has no p and one lies closer than chance; of seed 1's three one does.
    clustered = "share of the units with more close pairs than 99 % of random masks, imp"
    assert value(table, "1b", clustered) == pytest.approx((1 / 4 + 1 / 3) / 2)


def test_short_range_order_is_the_mean_excess_of_three_radii():
    assert short_range_order(pair_correlation({"imp": 0.25}, seeds=[0]), "imp") == pytest.approx(0.25)


def test_predicted_signs_count_cells():
    table = cavity(lambda n, r: 1.0, seeds=[0])  # all positive: three next-round cells right, three later ones wrong
    assert predicted_signs(table, "imp") == (0.5, 1.0, 0.0)
    assert all(np.isnan(predicted_signs(table, "oneshot")))


@pytest.mark.parametrize(("score", "shares"), [(1e-300, (0.5, 1, 0)), (0.0, (0, 0, 0)), (-1e-300, (0.5, 0, 1))])
def test_a_mean_score_of_zero_has_neither_of_the_signs(score, shares):
    assert predicted_signs(cavity(lambda n, r: score, seeds=[0]), "imp") == shares


def test_controls_stand_beside():
    scores = pd.concat([cavity(1), cavity(-1, "random"), cavity(1, "oneshot"), cavity(1, dataset="d-clone")])
    _, table = verdicts(clone={"imp": 12.0}, scores=scores.reset_index(drop=True))
    beside = table[(table["claim"] == "5") & table["seed"].isna() & table["statistic"].str.contains("control")]
    assert beside["value"].tolist() == [0.0, 1.0, 1.0]
    assert beside["verdict"].isna().all()


def test_effects_are_paired_by_seed_and_adjusted_for_the_number_of_claims():
    _, table = verdicts(clone={"imp": 12.0})
    rows = deciding(table).set_index("claim")
    assert (rows["p_value"] == 0.5).all()  # two seeds, both on one side: 2 of 4 ways to flip signs are as far
    assert np.allclose(rows["p_adjusted"], adjust(rows["p_value"]))
    assert rows["interval_low"].isna().all()  # both seeds say the same
    assert rows.loc["1", "agreement"] == "agrees in 2 of 2 seeds; by chance 1 in 36"
    assert rows.loc["2", "agreement"] == "agrees in 2 of 2 seeds; by chance 1 in 4"
    beside = table[table["seed"].isna() & table["verdict"].isna()]
    assert beside["p_adjusted"].isna().all() and beside["agreement"].isna().all()


def test_the_table_fits_its_schema_and_the_summary_reads_well(tmp_path):
    _, table = verdicts(clone={"imp": 12.0})
    columns = {name: table[name].astype(object).where(table[name].notna(), None).tolist() for name in table}
    write_table(tmp_path / "claims.parquet", "claims", columns)
    assert read_table(tmp_path / "claims.parquet", "claims").num_rows == len(table)
    summary = summarise_claims(columns)
    assert summary.startswith("dataset,claim,verdict,agreement,reason,statement,place,statistic,mean,minimum,maximum,")
    assert len(summary.splitlines()) == 1 + table["seed"].isna().sum()
