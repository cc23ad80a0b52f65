"""The README's worked examples, executed as they stand there.

A block of code whose first line is a comment `append to PATH` or `new file PATH` is applied to a copy of the project;
the commands of `sh` blocks in the same section that call Snakemake run, on the tiny experiment.
"""

import re
import shlex

import pandas as pd
import pytest
import yaml

from project import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
DATA = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def section(title: str) -> str:
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#+ [A-Z]|\Z)", README, re.DOTALL | re.MULTILINE)
    assert found, f"README.md has no section {title!r}"
    return found[2]


def apply(project, text: str) -> None:
    for _, code in BLOCK.findall(text):
        found = re.match(r"# (append to|new file) (\S+)\n", code)
        if found:
            path = project.folder / found[2]
            path.parent.mkdir(parents=True, exist_ok=True)
            body = code[found.end() :]
            path.write_text(path.read_text() + "\n\n" + body if found[1] == "append to" else body)


def run_commands(project, text: str, *more: str) -> None:
    commands = [line for kind, code in BLOCK.findall(text) if kind == "sh" for line in code.splitlines()]
    calls = [shlex.split(line, comments=True) for line in commands if line.startswith("snakemake ")]
    assert calls
    for call in calls:
        project.snakemake(*(word.replace("results/demo", "results/tiny") for word in call[1:]), *more)


def test_a_seed_of_ones_own(continued):
    text = section("A seed")
    run_commands(continued, text, "--dry-run")
    assert "seeds=[0,1,2,3]" in text


def test_a_criterion_of_ones_own(continued):
    text = section("A pruning criterion")
    apply(continued, text)
    run_commands(continued, text)
    assert continued.results("figures/fig1.png", "movement")


def test_a_statistic_of_ones_own(continued):
    text = section("A statistic")
    apply(continued, text)
    run_commands(continued, text)
    table = pd.read_parquet(continued.folder / "results/tiny/channels.parquet")
    assert set(table.groupby(["dataset", "method", "seed", "round"])["share"].sum().round(9)) == {1.0}
    assert continued.would_run() == []


def test_reading_the_tables_in_pandas(finished, monkeypatch, capsys):
    monkeypatch.chdir(finished.folder)
    for kind, code in BLOCK.findall(section("Reading the tables")):
        assert kind == "python"
        exec(compile(code.replace("results/demo", "results/tiny"), "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "photos-clone" in printed and "imp" in printed  # the widths
    assert "removed_in" in printed and "unit" in printed  # the columns' meaning


@pytest.mark.parametrize(
    ("document", "text"), [("README.md", section("Your own images")), ("docs/data.md", DATA)], ids=["README", "data"]
)
def test_examples_of_ones_own_images_are_good_configurations(document, text):
    from winnow.config import ConfigError, parse_config

    (code,) = [code for kind, code in BLOCK.findall(text) if kind == "yaml"]
    with pytest.raises(ConfigError) as error:
        parse_config(yaml.safe_load(code), document)
    # All is well but for the folder, which is the reader's.
    assert len(str(error.value).splitlines()) == 1 and "there is no folder" in str(error.value)


def test_the_table_of_settings_is_that_of_the_default_experiment():
    from winnow.config import parse_config

    raw = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    config = parse_config(raw, "config.yaml").model_dump()
    rows = re.findall(r"^\| `([a-z_.]+)` \| `([^`]+)` \|", section("Changing the experiment"), re.MULTILINE)
    assert len(rows) > 8
    for setting, value in rows:
        found = config
        for key in setting.split("."):
            found = found[key]
        given = yaml.safe_load(value)
        assert found == given or (given == {} and found is not None), setting


def test_files_that_the_readme_names_exist(finished):
    for path in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / path).exists(), path
    lines = [line for line in section("Where everything lies").splitlines() if line.startswith("| `results/demo/")]
    assert len(lines) > 8
    for line in lines:
        pattern = re.match(r"\| `results/demo/([^`]+)`", line)[1]
        pattern = re.sub(r"<\w+>", "*", pattern)
        assert list((finished.folder / "results/tiny").glob(pattern)), line
