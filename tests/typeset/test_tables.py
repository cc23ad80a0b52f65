"""Claims, settings and versions: what the tables to print say is what the results say."""

import re
import shutil
import subprocess

import pandas as pd
import pytest
from docutils.core import publish_parts

from figures import synthetic
from winnow.claims.table import check_claims
from winnow.config.parse import parse_config
from winnow.typeset.markup import to_latex
from winnow.typeset.tables import PAPER, Images, count_verdicts, typeset_tables

TINY = synthetic.TINY
CLAIMS = pd.DataFrame(
    check_claims(
        synthetic.locality(TINY),
        synthetic.pair_correlation(TINY),
        synthetic.kurtosis_by_class(TINY),
        synthetic.cavity(TINY),
        datasets=[synthetic.NAME],
        clone_suffix="-clone",
    )
)
DATASETS = {"photos": {"source": "photos", "clone": {}}}


def record(**settings: object) -> dict:
    configuration = parse_config({"experiment": "test", "seeds": [0, 1], "datasets": DATASETS, **settings}, "test")
    makers = [
        {"python": "3.11.7", "packages": {"numpy": "2.4.6", "torch": "2.13.0"}, "commit": "abc"},
        {"python": "3.11.7", "packages": {"numpy": "2.4.5"}, "commit": None, "machine": {"processor": "a CPU"}},
    ]
    made_with = {"claims": {"device": "cpu"}, "training": {"device": "cpu"}}
    return {"configuration": configuration.model_dump(mode="json"), "made_with": made_with, "made_by": makers}


def tables(**settings: object) -> dict:
    return typeset_tables(CLAIMS, record(**settings), {"photos": Images(3072, 1000, 1_280_000, 50_000)})


def test_at_the_papers_settings_both_columns_are_the_same():
    rows = {what: (here, paper) for what, here, paper in tables()["settings"].rows}
    assert {what: paper for what, (_, paper) in rows.items() if paper} == PAPER
    for what in PAPER:
        assert rows[what][0] == rows[what][1], what
    assert rows["Images for training (photos)"] == ("1,280,000", "")
    assert rows["Images (photos)"][0] == "source photos, with Gaussian clone"


def test_settings_are_those_of_the_configuration():
    changed = {
        "network": {"hidden": [128, 64]},
        "training": {"steps": 2000, "rewind": 7, "batch": 48, "rate": 0.05},
        "pruning": {"rounds": 4, "share": 0.25, "pool": "global"},
        "methods": ["imp", "snip"],
    }
    rows = {what: here for what, here, _ in tables(**changed)["settings"].rows}
    assert rows["Architecture"] == "3072:128:64:1000"
    assert [rows[what] for what in ("Training iterations", "Rewind iteration", "Batch size")] == ["2,000", "7", "48"]
    assert [rows[what] for what in ("Learning rate", "Pruning rounds", "Pruned together")] == [
        *("0.05", "4", "all parameters"),
    ]
    assert rows["Share pruned in a round"] == "25 %" and rows["Methods"] == "imp, snip" and rows["Seeds"] == "0, 1"


def test_what_is_not_plain_about_a_training_is_said():
    changed = {
        "network": {"batch_norm": False},
        "training": {"replacement": False, "schedule": "step", "momentum": 0.9, "weight_decay": 5e-4},
    }
    rows = {what: here for what, here, _ in tables(**changed)["settings"].rows}
    assert (rows["Batch norm"], rows["Batch size"]) == ("none", "40, without replacement")
    assert rows["Learning rate"] == "0.1, times 0.1 at 50 %, 75 % of the iterations"
    assert rows["Optimizer"] == "SGD, momentum 0.9, weight decay 0.0005"
    cosine = {what: here for what, here, _ in tables(training={"schedule": "cosine"})["settings"].rows}
    assert cosine["Learning rate"] == "0.1, falls to 0 as a cosine" and "Batch norm" not in cosine


def test_claims_are_those_of_the_table():
    decided = CLAIMS[CLAIMS["seed"].isna() & CLAIMS["verdict"].notna()]
    rows = tables()["claims"].rows
    assert [row[0] for row in rows] == decided["claim"].tolist()
    for row, (_, claim) in zip(rows, decided.iterrows(), strict=True):
        assert row[1] == claim["statement"] and row[2].startswith(claim["verdict"])
        value = claim["value"]
        assert row[4] == ("" if pd.isna(value) else f"{value:.3g}".replace("-", "−"))
        if not pd.isna(value):
            assert float(row[4].replace("−", "-")) == float(f"{value:.3g}")


def of_two_datasets() -> dict:
    claims = pd.concat([CLAIMS, CLAIMS.assign(dataset="edges")])
    return typeset_tables(claims, record(), {"photos": Images(3072, 1000, 1_280_000, 50_000)})


def test_claims_of_several_datasets_name_theirs():
    claims = of_two_datasets()["claims"]
    assert claims.headings[0] == "Dataset" and {row[0] for row in claims.rows} == {"photos", "edges"}
    assert ", on photos:" in tables()["claims"].caption and "photos" not in claims.caption


def of_choices():
    images = {"photos": Images(3072, 1000, 1, 1)}
    return {"sensitivity": typeset_tables(CLAIMS, record(), images, synthetic.sensitivity(TINY))["sensitivity"]}


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX is installed")
@pytest.mark.parametrize("of", [tables, of_two_datasets, of_choices])
def test_latex_sets_them_on_a_page_of_an_article(tmp_path, of):
    """Without any package; nothing runs into its neighbour or off the page."""
    for name, table in of().items():
        (tmp_path / f"{name}.tex").write_text(to_latex(table), encoding="utf-8")
    inputs = "".join(rf"\input{{{name}}}" for name in of())
    (tmp_path / "all.tex").write_text(rf"\documentclass{{article}}\begin{{document}}{inputs}\end{{document}}")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60).stdout
    assert (tmp_path / "all.pdf").exists(), said
    assert "Float too large" not in said, said
    assert all(float(width) < 5 for width in re.findall(r"Overfull \\hbox \(([\d.]+)pt", said)), said


def test_versions_are_each_said_once():
    rows = dict(tables()["versions"].rows)
    assert rows["Python"] == "3.11.7" and rows["numpy"] == "2.4.6, 2.4.5" and rows["winnow, commit"] == "abc"
    assert rows["Devices"] == "cpu" and rows["Processor"] == "a CPU"
    assert list(rows)[:4] == ["winnow, commit", "Python", "Processor", "Devices"]


def test_the_caption_counts_the_verdicts():
    text = count_verdicts(CLAIMS)
    decided = CLAIMS[CLAIMS["seed"].isna() & CLAIMS["verdict"].notna()]
    for verdict, rows in decided.groupby("verdict"):
        assert f"{len(rows)} {verdict} ({', '.join(rows['claim'])})" in text
    html = publish_parts(text, writer="html5", settings_overrides={"halt_level": 2, "report_level": 2})["body"]
    assert "photos" in html
    assert count_verdicts(CLAIMS.iloc[:0]) == ""


def test_sensitivity_has_a_row_a_choice_and_a_column_a_claim():
    sensitivity = synthetic.sensitivity(TINY)
    made = of_choices()["sensitivity"]
    assert made.headings == ("Choice", *(f"Claim {claim}" for claim in sensitivity["claim"].unique()))
    changed = [f"{choice}: {changes}" for choice, changes in synthetic.CHOICES.items()]
    assert [row[0] for row in made.rows] == ["own settings", *changed]
    own = sensitivity[sensitivity["choice"].isna() & sensitivity["claim"].eq("1")].iloc[0]
    effect = f"{own['effect']:.2g}".replace("-", "−")
    assert made.rows[0][1] == f"{effect} {own['verdict'][0].upper()}"
    assert made.rows[2][1].endswith("N ≠") and made.rows[3][3] == "U ≠"
    assert "sensitivity" not in tables()


def test_settings_name_the_choices_that_are_varied_and_what_is_done_to_biases():
    rows = {what: here for what, here, _ in tables()["settings"].rows}
    assert "Choices varied" not in rows and "Biases" not in rows
    given = {"choices": {"fast": {"training": {"rate": 0.5}}}, "pruning": {"biases": "kept"}}
    rows = {what: here for what, here, _ in tables(**given)["settings"].rows}
    assert rows["Choices varied"] == "fast" and rows["Biases"] == "not pruned"
