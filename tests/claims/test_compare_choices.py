"""Sensitivity: effects and verdicts are those of the claims, differences are paired by seed."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from figures import synthetic
from winnow.claims.choices import compare_choices, summarise_choices
from winnow.store.tables import read_table, write_table

TINY = synthetic.TINY
OWN = synthetic.claims(TINY)


def compared(of_choices: pd.DataFrame, **choices: str) -> pd.DataFrame:
    changes = {choice: f"{choice} is changed" for choice in choices}
    return pd.DataFrame(compare_choices(OWN, of_choices, dataset=synthetic.NAME, choices=choices, changes=changes))


def test_rows_of_the_experiment_are_those_of_its_claims():
    table = compared(OWN.assign(dataset="photos@same"), same="photos@same")
    own, same = table[table["choice"].isna()], table[table["choice"].eq("same")]
    claims = OWN[OWN["seed"].isna() & OWN["verdict"].notna()]
    for new, old in [("effect", "value"), ("low", "interval_low"), ("high", "interval_high"), ("no_effect", "null")]:
        np.testing.assert_array_equal(own[new].to_numpy(float), claims[old].to_numpy(float))
    for rows in (own, same):
        assert rows["claim"].tolist() == claims["claim"].tolist()
        assert rows["verdict"].tolist() == claims["verdict"].tolist()
    assert own["differs"].isna().all() and own["difference"].isna().all()
    assert not same["differs"].any() and (same["difference"].dropna() == 0).all()


def test_differences_are_paired_by_seed():
    experiment = synthetic.Experiment(n_rounds=3, seeds=(0, 1, 2), n_units=12, shape=(1, 8, 8), n_classes=2)
    own, doubled = synthetic.claims(experiment), synthetic.claims(experiment, 2.0, True, "photos@doubled")
    table = pd.DataFrame(
        compare_choices(
            own,
            doubled.sample(frac=1, random_state=0),
            dataset="photos",
            choices={"d": "photos@doubled"},
            changes={"d": ""},
        )
    )
    row = table[table["choice"].eq("d") & table["claim"].eq("1")].iloc[0]
    gaps = own[own["claim"].eq("1") & own["rule"].notna() & own["seed"].notna()]["value"].to_numpy()
    assert row["effect"] == pytest.approx(2 * gaps.mean()) and row["difference"] == pytest.approx(gaps.mean())
    interval = stats.ttest_1samp(gaps, 0).confidence_interval(0.95)
    assert (row["difference_low"], row["difference_high"]) == pytest.approx(tuple(interval))
    assert row["n_seeds"] == 3


def test_what_has_no_value_has_no_difference_and_says_why(tmp_path):
    table = synthetic.sensitivity(TINY)
    row = table[table["choice"].eq("no_clone") & table["claim"].eq("2")].iloc[0]
    assert np.isnan(row["effect"]) and np.isnan(row["difference"]) and row["verdict"] == "undetermined"
    assert row["reason"] == "there is no Gaussian clone" and row["differs"] is True
    one_seed = synthetic.sensitivity(synthetic.ONE_SEED)
    assert one_seed["difference_low"].isna().all() and one_seed["difference"].notna().any()
    write_table(tmp_path / "s.parquet", "sensitivity", {name: table[name].tolist() for name in table})
    again = read_table(tmp_path / "s.parquet", "sensitivity").to_pandas()
    assert again["verdict"].tolist() == table["verdict"].tolist()
    assert again.loc[again["choice"].notna(), "differs"].map(type).eq(bool).all()


def test_the_summary_is_for_people():
    text = summarise_choices(synthetic.sensitivity(TINY).to_dict("list"))
    head, own, *_ = text.splitlines()
    assert head.startswith("dataset,choice,changes,claim,verdict,differs,effect,low,high,")
    assert (
        own.startswith("photos,,,1,")
        and "photos,order_reversed,all widths -1 instead of 1,1,not supported,True" in text
    )
