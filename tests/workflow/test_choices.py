"""Choices that are varied: which jobs one adds, what it shares, and that its rows stand beside the experiment's own."""

from collections import Counter

import numpy as np
import pandas as pd

CHOICES = {
    "rate": "rate: {training: {rate: 0.2}}",
    "kept": "kept: {pruning: {biases: kept}}",
    "origin": "origin: {locality: {include_origin: true}}",
}
GATHERED = {"gather_choices", "check_claims_of_choices", "compare_choices", "plot_fig9"}
LAST = {"record_run", "typeset_tables", "all"}


def choices(*names: str) -> list[str]:
    return ["--config", f"choices={{{', '.join(CHOICES[name] for name in names)}}}"]


def test_only_the_added_choice_runs_and_shares_what_it_does_not_change(finished):
    """Two datasets (one is the clone), two seeds, three methods, three rounds."""
    jobs = Counter(job.rule for job in finished.would_run(*choices("origin")))
    assert set(jobs) == {"measure_locality"} | GATHERED | LAST and jobs["measure_locality"] == 2 * 2 * 3
    jobs = finished.would_run(*choices("kept"))
    rules = {job.rule for job in jobs}
    assert rules.isdisjoint({"train_dense", "prepare_dataset", "clone_gaussian"})
    assert {"prune_imp_first_round", "prune_imp_round", "prune_oneshot", "prune_random", "measure_kurtosis"} <= rules
    (first, *_) = [job for job in jobs if job.rule == "prune_imp_first_round"]
    assert all("@" not in path for path in first.inputs)
    jobs = finished.would_run(*choices("rate"))
    assert Counter(job.rule for job in jobs)["train_dense"] == 2 * 2
    # What makes a run makes it under a choice only; the rest gathers, and says what was made.
    of_own = {job.rule for job in jobs if job.wildcards.get("dataset", "@").find("@") < 0}
    assert not of_own
    gathered = {job.rule for job in jobs if "dataset" not in job.wildcards and "method" not in job.wildcards}
    assert gathered == GATHERED | LAST


def test_without_choices_there_is_nothing_of_them(finished):
    assert finished.would_run() == []
    assert {job.rule for job in finished.would_run("sensitivity")} == {"sensitivity"}


def test_claims_under_choices_stand_beside_the_experiments_own(continued):
    before = continued.results()
    wanted = ["fig9", "sensitivity", "results/tiny/choices/training.parquet", "results/tiny/choices/locality.parquet"]
    tables = [f"results/tiny/tables/sensitivity.{kind}" for kind in ("md", "tex", "html")]
    continued.snakemake("--cores", "2", *wanted, *choices("kept", "origin"))
    results = continued.folder / "results/tiny"
    after = continued.results()
    assert all(after[path] == content for path, content in before.items())
    runs = {path.name for path in (results / "runs").iterdir()}
    assert runs == {
        "photos",
        "photos-clone",
        *(f"photos@{name}{clone}" for name in ("kept", "origin") for clone in ("", "-clone")),
    }
    assert not list((results / "runs").glob("*@*/*/dense"))
    assert not list((results / "runs").glob("*@origin*/*/*/round1"))

    sensitivity = pd.read_parquet(results / "sensitivity.parquet")
    claims = pd.read_parquet(results / "claims.parquet")
    claims = claims[claims["seed"].isna() & claims["verdict"].notna()]
    own = sensitivity[sensitivity["choice"].isna()]
    assert own["claim"].tolist() == claims["claim"].tolist() and own["verdict"].tolist() == claims["verdict"].tolist()
    np.testing.assert_array_equal(own["effect"].to_numpy(float), claims["value"].to_numpy(float))
    assert sensitivity["choice"].dropna().unique().tolist() == ["kept", "origin"]
    # How widths are measured has no part in kurtosis and cavity scores.
    origin = sensitivity[sensitivity["choice"].eq("origin")].set_index("claim")
    untouched = origin.loc[["3", "3b", "4", "4b", "5", "5b"], "difference"].dropna()
    assert len(untouched) and (untouched == 0).all() and origin.loc["1", "difference"] != 0

    locality = pd.read_parquet(results / "choices/locality.parquet")
    names = {f"photos@{name}{clone}" for name in ("kept", "origin") for clone in ("", "-clone")}
    assert set(locality["dataset"]) == names
    gathered = pd.read_parquet(results / "locality.parquet")
    weights = [
        table.loc[table["dataset"].eq(name), "n_weights"].tolist()
        for table, name in ((gathered, "photos"), (locality, "photos@origin"))
    ]
    assert weights[0] == weights[1]
    training = pd.read_parquet(results / "choices/training.parquet")
    assert set(training["dataset"]) == names and (results / "figures/fig9.pdf").stat().st_size > 10_000

    continued.snakemake("--cores", "2", *tables, *choices("kept", "origin"))
    markdown = (results / "tables/sensitivity.md").read_text(encoding="utf-8")
    assert "| own settings |" in markdown and "pruning.biases kept instead of pooled" in markdown
    assert continued.would_run(*wanted, *tables, *choices("kept", "origin")) == []
    # One more, and nothing of the others.
    jobs = continued.would_run(*wanted, *choices("kept", "origin", "rate"))
    assert {job.wildcards["dataset"] for job in jobs if "dataset" in job.wildcards} == {
        "photos@rate",
        "photos@rate-clone",
    }
    assert continued.would_run(*wanted[2:], *choices("kept")) != []
