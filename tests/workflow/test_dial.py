"""Data with a dial: what is made where there are such data, and nowhere else."""

import pandas as pd

LEVELS = {
    "gaussian": "source: saturating, excess_kurtosis: 0.0",
    "sharp": "source: saturating, excess_kurtosis: -1.0",
    "sharper": "source: saturating, excess_kurtosis: -1.8",
    "heavy": "source: heavy_tailed, excess_kurtosis: 2.0",
}
SMALL = "side: 8, correlation_lengths: [1.0, 2.0], train_per_class: 24, validation_per_class: 12"
DATASETS = ", ".join(f"{name}: {{{level}, {SMALL}}}" for name, level in LEVELS.items())
CONFIG = ["--config", "experiment=dial", "seeds=[0]", "pruning={rounds: 2}", "components={number: 16}"]


def test_figure_and_trends_are_made_of_the_levels(fresh):
    fresh.snakemake("--cores", "2", "fig8", "trends", *CONFIG, f"datasets={{photos: {{clone: null}}, {DATASETS}}}")
    results = fresh.folder / "results/dial"
    assert (results / "figures/fig8.pdf").stat().st_size > 10_000
    responses = pd.read_parquet(results / "responses.parquet")
    assert set(responses["dataset"]) == set(LEVELS) and set(responses["round"]) == {2}
    assert set(responses.loc[responses["dataset"] == "gaussian", "arm"]) == {"saturating", "heavy_tailed"}
    trends = pd.read_parquet(results / "trends.parquet")
    assert set(trends["n_levels"]) == {2, 3} and trends["reason"].notna().all()  # one seed makes no trend
    assert "## saturating" in (results / "trends.md").read_text(encoding="utf-8")


def test_without_a_dial_or_beyond_the_gaussian_there_is_neither(fresh):
    only_gaussian = f"datasets={{gaussian: {{{LEVELS['gaussian']}, {SMALL}}}}}"
    for datasets in ([], [only_gaussian]):
        found = {job.rule for job in fresh.would_run(*CONFIG, *datasets)}
        assert "compare_methods" in found and found.isdisjoint({"follow_dial", "plot_fig8"})


def test_blends_run_from_the_clone_to_the_images(fresh):
    blends = "half: {source: blend, of: photos}, most: {source: blend, of: photos, clone_share: 0.8}"
    arguments = [*CONFIG, f"datasets={{{blends}}}"]
    jobs = [job for job in fresh.would_run(*arguments) if job.rule == "blend_dataset"]
    assert {job.wildcards["dataset"] for job in jobs} == {"half", "most"} and len(jobs) == 2
    fresh.snakemake("--cores", "2", "fig8", "trends", *arguments)
    responses = pd.read_parquet(fresh.folder / "results/dial/responses.parquet")
    levels = {(row["dataset"], round(row["dial"], 9)) for _, row in responses.iterrows()}
    assert levels == {("photos-clone", 0.0), ("most", 0.2), ("half", 0.5), ("photos", 1.0)}
    assert set(responses["arm"]) == {"photos"}
