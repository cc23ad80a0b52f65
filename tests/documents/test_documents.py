"""The documents' worked examples and tables, executed and compared as they stand there.

A block of code whose first line is a comment `append to PATH` or `new file PATH` is applied to a copy of the project;
the calls of Snakemake in the same section run, on the tiny experiment.  What the FAQ's commands answer is asked in
`test_faq`.
"""

import re

import pandas as pd
import pytest
import yaml
from pages import apply, blocks, on_tiny, read, run_calls, section

from project import ROOT

# -- README ------------------------------------------------------------------------------------------------------------


def test_the_readme_is_short():
    assert len(read("README.md").splitlines()) <= 150


# -- docs/extending.md -------------------------------------------------------------------------------------------------


def test_a_seed_of_ones_own(continued):
    text = section("docs/extending.md", "A seed")
    run_calls(continued, text, "--dry-run")
    assert "seeds=[0,1,2,3]" in text


def test_a_criterion_of_ones_own(continued):
    text = section("docs/extending.md", "A criterion of parameters")
    apply(continued, text)
    run_calls(continued, text)
    assert continued.results("figures/fig1.png", "movement")


@pytest.mark.parametrize(
    ("title", "name"),
    [("A criterion of network and data", "input_size"), ("A criterion of a mask that moves", "regrowth")],
)
def test_a_criterion_of_ones_own_with_another_interface(fresh, title, name):
    text = section("docs/extending.md", title)
    apply(fresh, text)
    run_calls(fresh, text.replace(f"experiment={name}", f"experiment={name} seeds=[0]"))
    table = pd.read_parquet(fresh.folder / f"results/{name}/methods.parquet")
    assert set(table["method"]) == {name} and table["value"].notna().any()


def test_a_statistic_of_ones_own(continued):
    text = section("docs/extending.md", "A statistic")
    apply(continued, text)
    run_calls(continued, text)
    table = pd.read_parquet(continued.folder / "results/tiny/channels.parquet")
    assert set(table.groupby(["dataset", "method", "seed", "round"])["share"].sum().round(9)) == {1.0}
    assert continued.would_run() == []


def test_the_files_that_a_source_touches_exist():
    rows = re.findall(r"^\| `([^`]+)`(, new)? \|", section("docs/extending.md", "A source of images"), re.MULTILINE)
    assert len(rows) > 3
    for path, new in rows:
        whole = ROOT / "workflow/scripts/winnow" / path
        assert whole.parent.is_dir() if new else whole.is_file(), path


# -- docs/tables.md ----------------------------------------------------------------------------------------------------


def test_reading_the_tables_in_python(finished, monkeypatch, capsys):
    monkeypatch.chdir(finished.folder)
    found = [block for block in blocks(read("docs/tables.md")) if block.kind == "python"]
    assert len(found) > 3
    for block in found:
        exec(compile(on_tiny(block.code), "docs/tables.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "photos-clone" in printed and "imp" in printed  # the widths
    assert "cavity, removed_in (int64, unit rounds): round that removes the weights" in printed
    assert "layers.0.weight: 0.345 of 2304 survive" in printed  # 0.7 ** 3, with the biases' share
    assert "'device': " in printed and "'engine': " in printed


def test_columns_that_pandas_hides_are_named():
    from winnow.store.schemas import SCHEMAS

    columns = {name for schema in SCHEMAS.values() for name in schema.names}
    (named,) = re.findall(r"the name of a pandas method and hide it.*?: (.*?)\n\(", read("docs/tables.md"))
    assert set(re.findall("`(.*?)`", named)) == {name for name in columns if hasattr(pd.DataFrame, name)}


def test_tables_without_the_keys_are_named():
    from winnow.store.schemas import KEYS, SCHEMAS

    gathered = SCHEMAS.keys() - {"cavity_example"}
    lacking = {table for table in gathered if not {key.name for key in KEYS} <= set(SCHEMAS[table].names)}
    (named,) = re.findall(r"so that tables join;(.*?),\s+which", read("docs/tables.md"), re.DOTALL)
    assert set(re.findall("`(.*?)`", named)) == lacking


def test_files_of_an_experiment_lie_where_it_is_said(finished):
    text = section("docs/tables.md", "Where everything lies")
    lines = [line for line in text.splitlines() if line.startswith("| `results/demo/")]
    assert len(lines) > 8
    for line in lines:
        pattern = re.match(r"\| `results/demo/([^`]+)`", line)[1]
        pattern = re.sub(r"<\w+>", "*", pattern)
        assert list((finished.folder / "results/tiny").glob(pattern)), line


def test_every_table_is_among_them():
    from winnow.store.schemas import SCHEMAS

    for table in SCHEMAS.keys() - {"cavity_example"}:
        assert re.search(
            rf"`results/(demo|dial|controls|depth|sensitivity_photos)/{table}\.parquet`", read("docs/tables.md")
        ), table


# -- docs/settings.md, docs/data.md, README ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "text"),
    [("README.md", section("README.md", "Your own images")), ("docs/data.md", read("docs/data.md"))],
    ids=["README", "data"],
)
def test_examples_of_ones_own_images_are_good_configurations(document, text):
    from winnow.config.parse import parse_config
    from winnow.config.words import ConfigError

    block, *others = blocks(text, "yaml")
    with pytest.raises(ConfigError) as error:
        parse_config(yaml.safe_load(block.code), document)
    # All is well but for the folder, which is the reader's.
    assert len(str(error.value).splitlines()) == 1 and "there is no folder" in str(error.value)
    for other in others:
        parse_config(yaml.safe_load(other.code), document)


def test_the_short_table_of_settings_is_that_of_the_default_experiment():
    from winnow.config.parse import parse_config

    raw = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    config = parse_config(raw, "config.yaml").model_dump()
    text = section("docs/settings.md", "Changing the experiment")
    rows = re.findall(r"^\| `([a-z_.]+)` \| `([^`]+)` \|", text, re.MULTILINE)
    assert len(rows) > 8
    for setting, value in rows:
        found = config
        for key in setting.split("."):
            found = found[key]
        given = yaml.safe_load(value)
        assert found == given or (given == {} and found is not None), setting
