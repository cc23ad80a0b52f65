"""docs/method.md, the numbered list of differences from the paper, agrees with the project."""

import re

from project import ROOT

PAGE = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
COLUMNS = ["#", "choice", "the paper", "here", "setting", "why"]
FILE = re.compile(r"(?:(?:benchmarks|configs|docs|envs|profiles|slurm|tests|workflow)/\S*|[\w-]+\.(?:yaml|md|toml))")


def entries():
    """The cells of each numbered row, by column."""
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in PAGE.splitlines()
        if re.match(r"\| \d", line)
    ]
    for row in rows:
        assert len(row) == len(COLUMNS), row
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def test_entries_are_numbered_without_a_gap():
    numbers = [int(entry["#"]) for entry in entries()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 35


def test_no_cell_is_empty_and_every_table_has_the_same_columns():
    assert all(all(entry.values()) for entry in entries())
    heads = [line for line in PAGE.splitlines() if line.startswith("| # ")]
    assert set(heads) == {f"| {' | '.join(COLUMNS)} |"}


def test_references_to_entries_lead_to_one():
    referred = {int(number) for number in re.findall(r"\(difference (\d+)", PAGE)}
    assert referred <= {int(entry["#"]) for entry in entries()}


def test_each_entry_names_settings_that_exist_or_none():
    known = set(re.findall(r"^\| `([^`]+)`", SETTINGS, re.MULTILINE))
    for entry in entries():
        named = re.findall(r"`([^`]+)`", entry["setting"])
        assert set(named) <= known, entry
        assert entry["setting"] == (", ".join(f"`{name}`" for name in named) or "no setting"), entry


def test_every_path_exists():
    named = [ROOT / text for text in re.findall(r"`([^`\n]+)`", PAGE) if FILE.fullmatch(text)]
    linked = [ROOT / "docs" / target for target in re.findall(r"\]\(([^)#]+)", PAGE)]
    assert named
    assert linked
    missing = [str(path.relative_to(ROOT)) for path in named + linked if not path.exists()]
    assert not missing
