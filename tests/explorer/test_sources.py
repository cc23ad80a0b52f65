"""The page's sources: typed, linted, short, no name used twice."""

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from explorer.browser import NODE
from winnow.explorer.sources import PAGE, joined_modules

MODULES = sorted(PAGE.glob("*.js"))


def run(program: str, *arguments: str) -> None:
    path = NODE / ".bin" / program
    if not path.exists():
        pytest.skip(f"{program} is not installed: npm ci --prefix tests/explorer")
    done = subprocess.run([path, *arguments], cwd=PAGE, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout


def test_types():
    run("tsc", "--project", "tsconfig.json")


def test_lint_and_format():
    run("biome", "ci", ".")


@pytest.mark.parametrize("path", [path for path in PAGE.glob("*") if path.suffix != ".css"], ids=lambda path: path.name)
def test_no_file_is_long(path: Path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 400
    assert max(map(len, lines)) <= 200


def test_names_of_all_modules_are_different_since_they_are_joined():
    joined = joined_modules("main.js")
    names = Counter(re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", joined, re.MULTILINE))
    assert [name for name, times in names.items() if times > 1] == []
    assert len(names) > 60
    assert not re.search(r"^(import|export) ", joined, re.MULTILINE)
    assert all(f"// {path.name}\n" in joined for path in MODULES)
