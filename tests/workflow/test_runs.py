"""The tiny experiment, run for real."""

import json
import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from winnow.claims.methods import FURTHER
from winnow.claims.paper import CLAIMS
from winnow.store.schemas import SCHEMAS
from winnow.store.tables import read_table
from winnow.store.tensors import read_mask

FIGURES = [f"fig{n}" for n in range(1, 8)]
ASKED_FOR = {"positions", "nongaussianity_by_unit", "nongaussianity_by_class"}
# The first lies elsewhere; no dataset has a dial.
LAYERS = {name for name in SCHEMAS if name.startswith("layers_")}
TABLES = SCHEMAS.keys() - {"cavity_example", "responses", "trends", "sensitivity"} - ASKED_FOR - LAYERS


def test_everything_is_there(finished):
    folder = finished.folder / "results" / "tiny"
    for figure in FIGURES:
        assert (folder / "figures" / f"{figure}.pdf").read_bytes().startswith(b"%PDF")
        with Image.open(folder / "figures" / f"{figure}.png") as picture:
            assert picture.width > 500 and len(np.unique(np.asarray(picture))) > 10
            assert picture.text["command"] == (
                f"snakemake --cores 1 --configfile configs/tiny.yaml -- results/tiny/figures/{figure}.png"
            )
            assert re.fullmatch("sha256:[0-9a-f]{64}", picture.text["configuration"])
        assert len(pd.read_csv(folder / "figures" / f"{figure}.csv")) > 0
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    with Image.open(folder / "figures" / "fig4.png") as picture:
        assert picture.text["configuration"] == record["configuration_digest"]
    for table in TABLES:
        assert read_table(folder / f"{table}.parquet", table).num_rows > 0
    assert "supported" in (folder / "claims.csv").read_text()


def test_the_statistics_cover_every_run(finished):
    folder = finished.folder / "results" / "tiny"
    locality = pd.read_parquet(folder / "locality.parquet")
    runs = locality.groupby(["dataset", "method", "seed", "round"]).size()
    assert len(runs) == 2 * 3 * 2 * 4 and set(runs) == {12}
    np.testing.assert_allclose(sorted(locality["density"].unique(), reverse=True), [1, 0.7, 0.49, 0.343], atol=2e-3)
    assert locality.groupby(["method", "round"])["density"].nunique().max() == 1
    training = pd.read_parquet(folder / "training.parquet")
    assert sorted(training.loc[training["method"] == "imp", "round"].unique()) == [0, 1, 2]
    assert set(training["step"]) == {10, 20, 40}
    cavity = pd.read_parquet(folder / "cavity.parquet")
    assert set(zip(cavity["dataset"], cavity["fates_of"], strict=True)) == {
        ("photos", "imp"),
        ("photos", "oneshot"),
        ("photos", "random"),
        ("photos-clone", "imp"),
    }
    first_layer = cavity.groupby(["dataset", "fates_of", "seed", "rounds_done"])["n_weights"].sum()
    assert (first_layer.loc[:, :, :, 0] == 12 * 3 * 8 * 8).all()


def test_masks_of_the_run_are_nested_and_start_from_the_dense_net(finished):
    run = finished.folder / "results/tiny/runs/photos/seed0"
    for method in ("imp", "oneshot", "random"):
        masks = [read_mask(run / method / f"round{n}/mask.safetensors") for n in (1, 2, 3)]
        for before, after in pairwise(masks):
            assert all(not (after[name] & ~before[name]).any() for name in after)
    first, oneshot = (read_mask(run / method / "round1/mask.safetensors") for method in ("imp", "oneshot"))
    assert all((first[name] == oneshot[name]).all() for name in first)


def test_running_again_does_nothing(finished):
    assert "Nothing to be done" in finished.snakemake("--cores", "2")


def test_no_files_but_the_results(finished):
    left = {path.name for path in finished.folder.iterdir()} - {".snakemake"}
    assert left == {"Snakefile", "config.yaml", "configs", "envs", "profiles", "slurm", "workflow", "results"}
    assert not list(finished.folder.glob("results/**/.*.part"))


@pytest.mark.parametrize("change", ["rate: 0.2", "engine: reference"])
def test_a_changed_training_trains_again_but_keeps_the_data(finished, change):
    jobs = finished.would_run("--config", f"training={{{change}}}")
    rules = {job.rule for job in jobs}
    assert {"train_dense", "prune_imp_round", "measure_cavity", "plot_fig4", "check_claims"} <= rules
    assert not rules & {"prepare_dataset", "clone_gaussian", "measure_components", "plot_fig2"}
    changed = [job for job in jobs if job.rule == "train_dense"]
    assert len(changed) == 4 and all("Params have changed" in job.reason for job in changed)


def test_a_changed_statistic_trains_nothing(finished):
    rules = {job.rule for job in finished.would_run("--config", "locality={min_weights: 6}")}
    assert rules == {
        "measure_locality",
        "gather_statistic",
        "compare_methods",
        "check_claims",
        "plot_fig3",
        "plot_fig4",
        "plot_fig6",
        "make_explorer",
        "plot_fig7",
        "record_run",
        "typeset_tables",
        "all",
    }


def test_further_statistics_are_measured_where_they_are_asked_for(continued):
    """All that there is stays; the tables come, and their rows in the comparison of the methods."""
    asked = ["measure={statistics: [nongaussianity, positions]}"]
    together = {"gather_statistic", "compare_methods", "plot_fig7", "record_run", "typeset_tables", "all"}
    jobs = continued.would_run("--config", *asked)
    assert {job.rule for job in jobs} == {"measure_positions", "measure_nongaussianity", *together}
    gathered = {job.wildcards["statistic"] for job in jobs if job.rule == "gather_statistic"}
    assert gathered == ASKED_FOR
    by_name = continued.would_run("results/tiny/positions.parquet")
    assert {job.rule for job in by_name} == {"measure_positions", "gather_statistic"}

    only = ["methods=[imp, random]", "seeds=[0]", "datasets={photos: {clone: null}}"]
    continued.snakemake("--cores", "4", "methods", "--config", *asked, *only)
    folder = continued.folder / "results/tiny"
    units = pd.read_parquet(folder / "positions.parquet").groupby(["method", "round"]).size()
    assert len(units) == 2 * 4 and set(units) == {12}
    rows = {table: pd.read_parquet(folder / f"{table}_by_class.parquet") for table in ("nongaussianity", "kurtosis")}
    keys = ["method", "seed", "round", "class"]
    assert rows["nongaussianity"][keys].equals(rows["kurtosis"][keys])
    table = pd.read_parquet(folder / "methods.parquet")
    assert table.loc[table["statistic"].isin(FURTHER), "value"].notna().all()
    assert set(FURTHER) <= set(table["statistic"])
    assert "| nearest_ratio |" in (folder / "methods.md").read_text(encoding="utf-8")


def test_deeper_layers_are_measured_where_they_are_asked_for(continued):
    """All that there is stays; the tables come, their rows in the comparison of the methods, and a figure of them."""
    asked = ["measure={layers: [2, 1], statistics: [positions, nongaussianity]}"]
    jobs = continued.would_run("--config", *asked)
    measured = {job.rule for job in jobs if job.rule.startswith("measure_layers_")}
    assert measured == {
        *("measure_layers_locality", "measure_layers_kurtosis", "measure_layers_cavity"),
        *("measure_layers_positions", "measure_layers_nongaussianity"),
    }
    assert {job.wildcards["statistic"] for job in jobs if job.rule == "gather_statistic"} >= LAYERS
    assert not {job.rule for job in jobs} & {"measure_locality", "measure_kurtosis", "measure_cavity", "plot_fig4"}

    only = ["methods=[imp, oneshot, random]", "seeds=[0]", "datasets={photos: {clone: null}}"]
    continued.snakemake("--cores", "4", "fig10", "methods", "--config", *asked, *only)
    folder = continued.folder / "results/tiny"
    for table in sorted(name for name in LAYERS if not name.endswith("_by_unit")):  # those are in no comparison
        rows = pd.read_parquet(folder / f"{table}.parquet")
        assert set(rows["layer"]) == {1, 2} and set(rows["method"]) == {"imp", "oneshot", "random"}, table
    units = pd.read_parquet(folder / "layers_locality.parquet").groupby(["method", "round", "layer"]).size()
    assert set(units.loc[:, :, 1]) == {12} and set(units.loc[:, :, 2]) == {10}
    table = pd.read_parquet(folder / "methods.parquet")
    own = table[table["compared_with"].isna() & table["seed"].isna()].set_index(["method", "round", "statistic"])
    for name in ("width", "pair_correlation", "ipr", "kurtosis", "cavity_signs", *FURTHER):
        for method in ("imp", "oneshot", "random"):
            first, again = (own.loc[(method, 3, statistic), "value"] for statistic in (name, f"layer1_{name}"))
            assert first == again, name  # the first layer is what it is without layers
    assert own.loc[("imp", 3, "layer2_share_reached"), "value"] > own.loc[("imp", 3, "layer1_share_reached"), "value"]
    assert "### photos, layer 2" in (folder / "methods.md").read_text(encoding="utf-8")
    assert (folder / "figures/fig10.pdf").stat().st_size > 10_000


def test_a_layer_that_is_not_there_is_refused_before_anything_runs(fresh):
    said = fresh.snakemake("--dry-run", "--config", "measure={layers: [3]}", check=False)
    assert "measure.layers: there is no hidden layer 3; network.hidden has 2" in said


@pytest.mark.parametrize(("change", "drawn"), [("units: 3", "13"), ("width: 89", "1234567")])
def test_a_changed_figure_setting_draws_only(finished, change, drawn):
    rules = {job.rule for job in finished.would_run("--config", f"figures={{{change}}}")}
    assert rules == {*(f"plot_fig{n}" for n in drawn), "record_run", "typeset_tables", "all"}


def test_more_rounds_continue_the_chains(finished):
    jobs = finished.would_run("--config", "pruning={rounds: 4}")
    assert {job.wildcards["round"] for job in jobs if job.rule == "prune_imp_round"} == {"4"}
    assert "train_dense" not in {job.rule for job in jobs}


def test_a_new_seed_runs_only_that_seed(continued):
    before = continued.results("runs/**/seed[01]/**/*")
    jobs = continued.would_run("--config", "seeds=[0, 1, 2]")
    assert {job.wildcards["seed"] for job in jobs if "seed" in job.wildcards} == {"2"}
    continued.snakemake("--cores", "8", "fig4", "--config", "seeds=[0, 1, 2]", "datasets={photos: {clone: null}}")
    assert continued.results("runs/**/seed[01]/**/*") == before
    assert (continued.folder / "results/tiny/runs/photos/seed2/imp/kurtosis_by_class.parquet").exists()


def test_engines_find_the_same_masks_in_a_few_steps(continued):
    # Training amplifies rounding: after the tiny experiment's 40 steps masks of two engines differ, as they do from
    # those of the same engine when its start is changed in the seventh digit.
    run = "results/tiny/runs/photos/seed0"
    masks = []
    for engine in ("reference", "dense"):
        few = f"training={{steps: 6, rewind: 2, engine: {engine}}}"
        mask = f"{run}/imp/round2/mask.safetensors"
        continued.snakemake("--cores", "2", mask, "--config", few, "compute={device: cpu}")
        assert set(pd.read_parquet(continued.folder / run / "imp/round2/training.parquet")["engine"]) == {engine}
        masks.append(read_mask(continued.folder / mask))
    assert sum(int((masks[0][name] ^ masks[1][name]).sum()) for name in masks[0]) <= 2


def test_a_comment_in_the_library_retrains_nothing(continued):
    library = continued.folder / "workflow/scripts/winnow/training/reference.py"
    library.write_text(library.read_text() + "\n# a comment\n")
    assert continued.would_run() == []


def test_a_raised_version_reruns_the_step(continued):
    versions = continued.folder / "workflow/scripts/winnow/job/versions.py"
    versions.write_text(versions.read_text() + '\nVERSIONS["measure_kurtosis"] += 1\n')
    rules = {job.rule for job in continued.would_run()}
    after = {"gather_statistic", "compare_methods", "check_claims", "plot_fig4", "plot_fig7", "make_explorer"}
    after |= {"record_run", "typeset_tables", "all"}
    assert rules == {"measure_kurtosis"} | after


def test_a_damaged_mask_is_named(continued):
    damaged = continued.folder / "results/tiny/runs/photos/seed0/imp/round3/mask.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-9])
    said = continued.snakemake("--cores", "1", "fig1", check=False)
    assert "StoreError: results/tiny/runs/photos/seed0/imp/round3/mask.safetensors: does not match its checksum" in said


def test_synthetic_images_and_all_that_the_tiny_experiment_leaves_out_run_through(fresh):
    (fresh.folder / "blobs.yaml").write_text(
        "experiment: blobs\nseeds: [3]\n"
        "datasets: {blobs: {source: nlgp, side: 8, channels: 3, correlation_lengths: [1.0, 2.0], gain: 3.0,\n"
        "  train_per_class: 60, validation_per_class: 40, clone: {per: joint, fit_per_class: 10}}}\n"
        "network: {hidden: [8, 8], initial_weights: normal}\n"
        "training: {steps: 20, rewind: 5, batch: 10, log_every: 10}\n"
        "pruning: {rounds: 2, pool: global, criterion: magnitude_increase, retrain_baselines: true}\n"
        "locality: {channels: any, include_origin: true}\ncomponents: {number: 9}\nfigures: {units: 4}\n"
    )
    fresh.snakemake("--cores", "2", config="blobs.yaml")
    assert len(fresh.results("figures/*.png", "blobs")) == 7
    training = pd.read_parquet(fresh.folder / "results/blobs/training.parquet")
    trained = set(zip(training["method"], training["round"], strict=True))
    assert trained == {("imp", 0), ("imp", 1), ("imp", 2), *((m, n) for m in ("oneshot", "random") for n in (1, 2))}


def test_the_papers_experiment_runs_through_on_a_small_stand_in(fresh):
    small = ["--classes", "6", "--train", "240", "--validation", "60"]
    subprocess.run(
        [sys.executable, "-m", "winnow.datasets.standin", "data/imagenet32", *small],
        cwd=fresh.folder,
        env={**os.environ, "PYTHONPATH": "workflow/scripts"},
        check=True,
    )
    overrides = [
        "seeds=[0]",
        "datasets={imagenet32: {classes: 6, clone: {fit_per_class: 20}}}",
        "network={hidden: [16, 12]}",
        "training={steps: 60, rewind: 15, log_every: 30}",
        "pruning={rounds: 3, share: 0.6}",  # densities 0.4, 0.16, 0.064
        "components={number: 9}",
        "figures={units: 4}",
        "compute={device: cpu}",
    ]
    fresh.snakemake("--cores", "2", "--config", *overrides, config="configs/paper.yaml")
    results = fresh.folder / "results/paper"
    training = pd.read_parquet(results / "training.parquet")
    assert set(zip(training["round"], training["engine"], strict=True)) == {(0, "dense"), (1, "dense"), (2, "sparse")}
    assert set(training["device"]) == {"cpu"} and set(training["precision"]) == {"float32"}
    assert (training["validation_accuracy"] > 1 / 6).all()
    certificate = pd.read_parquet(results / "certificate.parquet")
    assert certificate.groupby("statistic").size().eq(6 * 3).all() and set(certificate["n_fit"]) == {20}
    claims = pd.read_csv(results / "claims.csv", dtype={"claim": str})
    assert set(claims["claim"]) == {claim.number for claim in CLAIMS} and set(claims["dataset"]) == {"imagenet32"}
    assert len(fresh.results("figures/*.png", "paper")) == 7


def test_ones_own_photographs_run_through_and_a_changed_one_is_noticed(fresh):
    photographs = fresh.folder / "my photographs"
    photographs.mkdir()
    draw = np.random.default_rng(0)
    for name, size in (("grün.png", (150, 120)), ("b.jpg", (100, 140))):
        Image.fromarray(draw.integers(0, 255, (*size, 3), np.uint8)).save(photographs / name)
    (photographs / "notes.txt").write_text("not a photograph")
    settings = "datasets={photos: {photos: my photographs, stride: 24, clone: null}}"
    fresh.snakemake("--cores", "2", "fig2", "--config", settings, "seeds=[0]")
    facts = (fresh.folder / "results/tiny/data/photos/facts.json").read_text()
    assert "notes.txt" in facts and "grün" in facts
    log = (fresh.folder / "results/tiny/logs/prepare_dataset/photos.log").read_text()
    assert "notes.txt" in log
    shutil.copy(photographs / "b.jpg", photographs / "c.jpg")
    rules = {job.rule for job in fresh.would_run("fig2", "--config", settings, "seeds=[0]")}
    assert "prepare_dataset" in rules
