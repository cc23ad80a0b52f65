import numpy as np
import pandas as pd
import pytest

from winnow.claims import CLAIMS, check_claims, final_width, predicted_signs, share_without_width, summarise_claims
from winnow.store.tables import read_table, write_table

METHODS = ("imp", "oneshot", "random")


def locality(widths, dataset="d", seeds=(0, 1)):
    """Widths at the last round by method; round 0 is wide everywhere."""
    rows = [
        (dataset, method, seed, n, unit, width + (n == 0) * 5 + unit, True)
        for method, width in widths.items()
        for seed in seeds
        for n in (0, 1, 2)
        for unit in (-1, 0, 1)
    ]
    table = pd.DataFrame(rows, columns=["dataset", "method", "seed", "round", "unit", "sigma_x", "converged"])
    odd = table.iloc[:2].assign(sigma_x=[np.nan, 1e6], converged=[None, False], round=2)
    return pd.concat([table, odd], ignore_index=True)


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
GOOD_KURTOSIS = {"imp": [3.1, 3.5, 4.0], "oneshot": [3.1, 3.3, 3.6], "random": [3.1, 3.1, 3.1]}


def verdicts(widths=None, clone=None, kurtoses=None, scores=None):
    tables = [locality(widths or GOOD_WIDTHS)]
    if clone:
        tables.append(locality(clone, dataset="d-clone"))
    columns = check_claims(
        pd.concat(tables, ignore_index=True),
        kurtosis(kurtoses or GOOD_KURTOSIS),
        cavity(1) if scores is None else scores,
        datasets=["d"],
        clone_suffix="-clone",
    )
    table = pd.DataFrame(columns)
    summary = table[table["seed"].isna() & table["verdict"].notna()]
    return summary.set_index("claim")["verdict"].to_dict(), table


def test_a_paper_that_holds():
    found, table = verdicts(clone={"imp": 12.0})
    assert found == dict.fromkeys(range(1, 6), "supported")
    gap = table[(table["claim"] == 1) & table["verdict"].notna()]
    assert gap["value"].tolist() == [2.0, 2.0, 2.0]
    assert len(found) == len(CLAIMS)


@pytest.mark.parametrize(
    ("change", "claim"),
    [
        ({"widths": {"imp": 11.0, "oneshot": 10.0, "random": 14.0}}, 1),
        ({"widths": {"imp": 8.0, "oneshot": 15.0, "random": 14.0}}, 1),
        ({"clone": {"imp": 7.0}}, 2),
        ({"kurtoses": {**GOOD_KURTOSIS, "oneshot": [3.1, 4.3, 4.6]}}, 3),
        ({"kurtoses": {**GOOD_KURTOSIS, "random": [3.1, 3.7, 3.8]}}, 3),
        ({"kurtoses": {**GOOD_KURTOSIS, "imp": [3.1, 4.5, 4.0]}}, 4),
        ({"scores": cavity(-1)}, 5),
        ({"scores": cavity(lambda n, r: -1.0)}, 5),
    ],
)
def test_each_claim_can_fail_alone(change, claim):
    found, _ = verdicts(**{"clone": {"imp": 12.0}, **change})
    assert found == {n: "not supported" if n == claim else "supported" for n in range(1, 6)}


def test_seeds_that_disagree_and_missing_data_leave_it_undetermined():
    mixed = pd.concat([cavity(1, seeds=[0]), cavity(-1, seeds=[1])], ignore_index=True)
    found, table = verdicts(scores=mixed)
    assert found[5] == "undetermined"
    per_seed = table[(table["claim"] == 5) & table["verdict"].notna() & table["seed"].notna()]
    assert per_seed["verdict"].tolist() == ["supported", "not supported"]
    assert found[2] == "undetermined"  # there is no clone
    clone_row = table[(table["claim"] == 2) & table["seed"].isna() & table["verdict"].notna()]
    assert clone_row["value"].isna().all()


def test_widths_leave_out_units_without_a_converged_fit():
    table = locality(GOOD_WIDTHS, seeds=[0])
    assert final_width(table, "imp") == 8.0
    assert share_without_width(table, "imp") == pytest.approx(2 / 5)
    assert share_without_width(table, "random") == 0
    assert np.isnan(final_width(table.iloc[:0], "imp"))


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
    beside = table[(table["claim"] == 5) & table["seed"].isna() & table["statistic"].str.contains("control")]
    assert beside["value"].tolist() == [0.0, 1.0, 1.0]
    assert beside["verdict"].isna().all()


def test_the_table_fits_its_schema_and_the_summary_reads_well(tmp_path):
    _, table = verdicts(clone={"imp": 12.0})
    columns = {name: table[name].tolist() for name in table}
    write_table(tmp_path / "claims.parquet", "claims", columns)
    assert read_table(tmp_path / "claims.parquet", "claims").num_rows == len(table)
    summary = summarise_claims(columns)
    assert summary.startswith("dataset,claim,verdict,statement,statistic,mean,minimum,maximum,rule\n")
    assert len(summary.splitlines()) == 1 + table["seed"].isna().sum()
