"""Studies: their chains are the workflow's, and what is finished is kept."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

from project import ROOT, lay_out_data
from studies.chain import STATISTICS, measure
from studies.figure import SERIES, as_markdown, plot_study
from studies.plan import read_study
from studies.run import run_study
from winnow.claims.statistics import final_width, share_clustered, short_range_order
from winnow.config.words import ConfigError

SMALL = {
    "base": "configs/tiny.yaml",
    "seeds": [0],
    "questions": {
        "steps": {"axis": "steps", "variants": {"few": {}, "more": {"training": {"steps": 60}}}},
        "share": {"axis": "share", "variants": {"as tiny": None, "half": {"pruning": {"share": 0.5}}}},
    },
}


@pytest.fixture
def plan(tmp_path):
    def write(**changes):
        path = tmp_path / "small.yaml"
        path.write_text(yaml.safe_dump(SMALL | changes, sort_keys=False))
        return path

    return write


def test_variants_differ_in_what_is_varied(plan):
    study = read_study(plan())
    few, more, same, half = (variant.config for variant in study.variants)
    assert few == same and [variant.name for variant in study.variants] == ["few", "more", "as tiny", "half"]
    assert more.training.steps == 60 and more.model_copy(update={"training": few.training}) == few
    assert half.pruning.share == 0.5
    assert study.axes == {"steps": "steps", "share": "share"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bases": "x"}, "a study has the keys base, seeds, questions"),
        ({"questions": {"steps": {"variants": {}}}}, "questions.steps must have axis and variants"),
        (
            {"questions": {"steps": {"axis": "steps", "variants": {"a": {"training": {"stepz": 1}}}}}},
            "questions.steps.variants.a: training.stepz: there is no such setting; did you mean 'steps'",
        ),
    ],
)
def test_a_wrong_study_is_refused_by_name(plan, changes, message):
    with pytest.raises(ConfigError, match=message):
        read_study(plan(**changes))


def test_the_shipped_studies_are_experiments(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lay_out_data(tmp_path)
    studies = sorted((ROOT / "studies").glob("*.yaml"))
    assert len(studies) >= 2
    for path in studies:
        study = read_study(path)
        for question in study.axes:
            assert len({v.config.model_dump_json() for v in study.variants if v.question == question}) > 1


def made_up(study, seeds=(0, 1)):
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        [
            {"question": v.question, "variant": v.name, "dataset": dataset, "method": method, "seed": seed, "round": n}
            | {name: draw.random() for name in STATISTICS}
            | {"accuracy_before": 0.5}
            for v in study.variants
            for dataset, method in SERIES
            for seed in seeds
            for n in (1, 3)
        ]
    )


def test_figure_and_table_show_the_last_round(plan):
    study = read_study(plan())
    table = made_up(study)
    figure = plot_study(study, table)
    figure.draw_without_rendering()
    line = figure.axes[0].lines[0]
    first = table[(table["question"] == "steps") & (table["dataset"] == "original") & (table["method"] == "imp")]
    last = first[first["round"] == 3].groupby("variant")["final_width"].mean()
    assert line.get_ydata().tolist() == pytest.approx([last["few"], last["more"]])
    text = as_markdown(study, table)
    assert f"| few | {last['few']:.1f} (" in text and "50.0 %" in text


def test_a_mask_without_weights_has_no_statistics(plan):
    study = read_study(plan())
    (row,) = measure([{"layers.0.weight": np.zeros((4, 192), bool)}], (3, 8, 8), "imp", study.variants[0].config, 0)
    assert row["density"] == 0 and np.isnan(row["final_width"]) and np.isnan(row["short_range_order"])


@pytest.mark.slow
@pytest.mark.workflow
def test_chains_give_the_workflows_numbers_and_are_kept(plan, tmp_path, monkeypatch, finished):
    path = plan(questions={"steps": {"axis": "steps", "variants": {"few": {"training": {"log_every": 20}}}}})
    monkeypatch.chdir(tmp_path)
    study = read_study(path)
    run_study(study, 1, None)
    rows = pd.read_parquet("results/studies/small.parquet").set_index(["dataset", "method"])
    results = finished.folder / "results/tiny"
    units, pairs = (pd.read_parquet(results / f"{table}.parquet") for table in ("locality", "pair_correlation"))
    name = study.variants[0].config.figure_dataset
    compared = 0
    for (dataset, method), row in rows.iterrows():
        of = name if dataset == "original" else f"{name}-clone"
        some, of_pairs = (t[(t["dataset"] == of) & (t["seed"] == 0)] for t in (units, pairs))
        assert row["final_width"] == final_width(some, method)
        assert row["short_range_order"] == short_range_order(of_pairs, method)
        assert row["share_clustered"] == share_clustered(some, method)
        compared += 1
    assert compared == 4
    (kept, *_) = before = sorted((tmp_path / "results/studies/small").iterdir())
    written = kept.stat().st_mtime_ns
    said = subprocess.run(
        [sys.executable, "-m", "studies", path, "--cores", "1"],
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "0 chains to run" in said and kept.stat().st_mtime_ns == written
    assert sorted((tmp_path / "results/studies/small").iterdir()) == before
