"""What would run, and why: asked of dry runs."""

import os
import re
from collections import Counter

import pytest

# The files of the reader's own that a configuration needs.
FILES = {
    "configs/paper.yaml": [
        *(f"data/imagenet32/train_data_batch_{n}" for n in range(1, 11)),
        "data/imagenet32/val_data",
    ],
    "configs/cifar10.yaml": ["data/cifar-10-python.tar.gz"],
}


def rules(jobs):
    return Counter(job.rule for job in jobs)


def lay_out(project, files):
    """Empty files: a plan asks for no more."""
    for file in files:
        path = project.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_figure_2_trains_nothing(fresh):
    jobs = rules(fresh.would_run("results/tiny/figures/fig2.pdf"))
    assert jobs == {"prepare_dataset": 1, "measure_components": 1, "plot_fig2": 1}


def test_figure_4_needs_only_the_original_data(fresh):
    jobs = fresh.would_run("results/tiny/figures/fig4.pdf")
    assert {job.wildcards["dataset"] for job in jobs if "dataset" in job.wildcards} == {"photos"}
    assert not {"measure_cavity", "measure_components", "clone_gaussian", "gather_statistic"} & set(rules(jobs))
    assert rules(jobs)["prune_imp_round"] == 2 * 2  # seeds x rounds 2, 3


def test_a_figure_has_an_alias(fresh):
    figures = [f"fig{n}" for n in range(1, 8)]
    aliases = {job.rule: job.inputs for job in fresh.would_run(*figures) if job.rule in figures}
    assert aliases == {
        figure: tuple(f"results/tiny/figures/{figure}.{kind}" for kind in ("pdf", "png", "csv", "rst"))
        for figure in figures
    }


def test_the_whole_experiment(fresh):
    jobs = rules(fresh.would_run())
    runs = 2 * 2  # datasets x seeds
    assert jobs["train_dense"] == jobs["prune_imp_first_round"] == jobs["prune_oneshot"] == jobs["prune_random"] == runs
    assert jobs["prune_imp_round"] == 2 * runs
    assert jobs["measure_locality"] == jobs["measure_kurtosis"] == jobs["measure_participation"] == 3 * runs
    assert jobs["measure_cavity"] == 3 * 2 + 2  # on the clone IMP alone
    assert "retrain_pruned" not in jobs


def test_the_default_experiment_is_the_demo(fresh):
    jobs = fresh.would_run(config="config.yaml")
    assert {job.wildcards["experiment"] for job in jobs if "experiment" in job.wildcards} == {"demo"}
    assert {job.wildcards["seed"] for job in jobs if "seed" in job.wildcards} == {"0", "1", "2"}
    assert rules(jobs)["prune_imp_round"] == 2 * 3 * 9


@pytest.mark.parametrize("config", FILES)
def test_the_experiments_at_full_size(fresh, config):
    lay_out(fresh, FILES[config])
    jobs = fresh.would_run(config=config)
    (name,) = {job.wildcards["dataset"] for job in jobs if job.rule == "prepare_dataset"}
    runs = [(dataset, seed) for dataset in (name, f"{name}-clone") for seed in "012"]
    chains = Counter((job.wildcards["dataset"], job.wildcards["seed"]) for job in jobs if job.rule == "prune_imp_round")
    assert chains == {run: 9 for run in runs}  # round 1 is the dense training's
    assert rules(jobs) == {
        "prepare_dataset": 1,
        "clone_gaussian": 1,
        **dict.fromkeys(["train_dense", "prune_imp_first_round", "prune_oneshot", "prune_random"], len(runs)),
        "prune_imp_round": 9 * len(runs),
        # methods
        **dict.fromkeys(["measure_locality", "measure_kurtosis", "measure_participation"], 3 * len(runs)),
        "measure_cavity": 3 * 3 + 3,  # on the clone IMP alone
        "measure_cavity_example": 1,
        "measure_details": 2,  # of the first seed, on data and clone
        "measure_components": 1,
        "gather_statistic": 9,
        "compare_methods": 1,
        "check_claims": 1,
        **{f"plot_fig{n}": 1 for n in range(1, 8)},
        "make_explorer": 1,
        "record_run": 1,
        "typeset_tables": 1,
        "all": 1,
    }


@pytest.mark.parametrize(
    ("config", "lacks", "message"),
    [
        (
            "paper",
            "train_data_batch_7",
            "datasets.imagenet32.folder: the folder 'data/imagenet32' lacks train_data_batch_7;",
        ),
        (
            "cifar10",
            "cifar-10-python.tar.gz",
            "datasets.cifar10.path: there is no file or folder 'data/cifar-10-python",
        ),
    ],
)
def test_a_missing_file_is_named_before_anything_runs(fresh, config, lacks, message):
    config = f"configs/{config}.yaml"
    lay_out(fresh, [file for file in FILES[config] if not file.endswith(lacks)])
    said = fresh.snakemake("--cores", "1", check=False, config=config)
    assert f"{config}: {message}" in said and "Traceback" not in said
    assert not (fresh.folder / "results").exists()


def test_retrained_baselines_are_asked_for(fresh):
    jobs = fresh.would_run("--config", "pruning={retrain_baselines: true}", "seeds=[0]")
    retrained = Counter(
        (job.wildcards["method"], job.wildcards["round"]) for job in jobs if job.rule == "retrain_pruned"
    )
    expected = {(method, str(n)) for method in ("oneshot", "random") for n in (1, 2, 3)} | {("imp", "3")}
    assert set(retrained) == expected and set(retrained.values()) == {2}


def test_an_experiment_without_clone_has_no_figure_3(fresh):
    jobs = rules(fresh.would_run("--config", "datasets={photos: {clone: null}}"))
    assert "clone_gaussian" not in jobs and "plot_fig3" not in jobs and jobs["plot_fig5"] == 1


@pytest.mark.parametrize(
    ("override", "messages"),
    [
        (
            "trainin={steps: 3}",
            ["tiny.yaml with --config: trainin: there is no such setting; did you mean 'training'?"],
        ),
        ("training={rewind: 40}", ["training: rewind (40) must be smaller than steps (40)"]),
        ("datasets={photos: {photos: nowhere}}", ["there is no folder 'nowhere'"]),
        ("pruning={criterion: magnitud}", ["did you mean 'magnitude'?"]),
    ],
)
def test_a_faulty_configuration_stops_before_anything_runs(fresh, override, messages):
    said = fresh.snakemake("--cores", "1", "--config", override, check=False)
    assert all(message in said for message in messages), said
    assert "Traceback" not in said
    assert not (fresh.folder / "results").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "some.yaml: experiment: this setting is missing"),
        ("", "Config file must be given as JSON or YAML with keys at top level"),  # Snakemake's own words
    ],
)
def test_an_empty_configuration_says_what_is_missing(fresh, content, message):
    (fresh.folder / "some.yaml").write_text(content)
    said = fresh.snakemake("--cores", "1", config="some.yaml", check=False)
    assert message in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("visible", "settings", "limit"),
    [
        ("GPU-a,GPU-b", "{}", 2),
        ("GPU-a,GPU-b", "{jobs_per_gpu: 3}", 6),
        ("", "{}", None),
    ],
)
def test_no_more_jobs_at_a_time_than_gpus_have_places(fresh, monkeypatch, visible, settings, limit):
    monkeypatch.delenv("WINNOW_JOBS_PER_GPU", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    said = fresh.snakemake("--cores", "1", "results/tiny/data/photos", "--config", f"compute={settings}")
    provided = re.search(r"^Provided resources: gpu\D*(\d+)", said, re.MULTILINE)
    assert (provided and int(provided[1])) == limit


@pytest.mark.parametrize(
    ("mebibytes", "settings", "limit"),
    [
        (143771, "{}", 4),  # an H200
        (6144, "{}", 1),  # photographs: room for as many as there may be
        (143771, "{jobs_per_gpu: 2}", 2),
        (143771, "{device: cpu, measure_device: auto}", 1),  # nothing trains on it
    ],
)
def test_jobs_share_a_gpu_as_its_memory_allows(fresh, monkeypatch, tmp_path, mebibytes, settings, limit):
    (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\necho asked >>{tmp_path}/asked\necho {mebibytes}\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("WINNOW_JOBS_PER_GPU", raising=False)  # of tests that read the workflow in this process
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a")
    said = fresh.snakemake("--cores", "1", "results/tiny/data/photos", "--config", f"compute={settings}")
    assert re.search(r"^Provided resources: gpu\D*(\d+)", said, re.MULTILINE)[1] == str(limit)
    asked = (tmp_path / "asked").read_text().split() if (tmp_path / "asked").exists() else []
    assert len(asked) == (settings == "{}")  # once, though each job reads the workflow again


@pytest.mark.parametrize(
    ("settings", "trains", "measures"),
    [
        ("{}", "gpu=1", "gpu=1"),
        ("{device: cpu}", "gpu=0", "gpu=0"),
        ("{measure_device: cpu}", "gpu=1", "gpu=0"),
    ],
)
def test_jobs_that_may_compute_on_a_gpu_take_a_place(fresh, settings, trains, measures):
    further = "measure={statistics: [positions, nongaussianity], layers: [1, 2]}"
    said = fresh.snakemake("--dry-run", "--config", f"compute={settings}", "seeds=[0]", further)
    resources = dict(re.findall(r"rule (\w+):\n(?:    .*\n)*?    resources: (.*)\n", said))
    assert trains in resources["prune_imp_round"] and measures in resources["measure_cavity"]
    assert "gpu=" not in resources["prune_random"] + resources["plot_fig4"]
    for rule, asked in resources.items():  # who takes a place is told how many there are
        assert bool(re.search(r"\bgpu=", asked)) == ("jobs_per_gpu=" in asked), rule
