"""The map of the rooms is true: what it names is there, and the rooms keep their manner."""

import ast
import re

import pytest

from environments.workflow_rules import imported
from project import ROOT, SCRIPTS

LIBRARY = SCRIPTS / "winnow"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
MODULES = sorted(LIBRARY.rglob("*.py"))

# Each room may use those below it, and itself.
FLOORS = [
    ["streams", "store"],
    ["job"],
    ["network", "masks", "datasets", "clone", "claims", "progress"],
    ["training", "measure"],
    ["pruning"],
    ["figures", "config", "typeset"],
    ["explorer"],
]
ALONE = {"clone", "claims", "datasets", "explorer", "config", "progress"}
"""Rooms that no other uses, but for names of files, which the configuration asks for."""


CHEAP = (
    "winnow.datasets.files",
    "winnow.pruning.criteria.registry",
    "winnow.pruning.methods",
    "winnow.pruning.schedule",
)
"""What imports no numpy."""


def room(module: str) -> str:
    return module.split(".")[1]


def name(path) -> str:
    return ".".join(path.relative_to(SCRIPTS).with_suffix("").parts)


def test_every_path_that_the_map_names_exists():
    paths = [path for path in re.findall(r"`([\w./-]+/[\w./-]*|[\w-]+\.(?:md|yaml|py))`", PAGE)]
    assert len(paths) > 60
    missing = {path for path in paths if not (ROOT / path).exists()}
    assert not missing


def test_every_room_and_every_folder_of_tests_is_on_the_map():
    rooms = {path.stem for path in LIBRARY.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    drawing = PAGE.split("```")[1]
    assert (
        rooms - {"__init__"}
        == {one for floor in FLOORS for one in floor}
        == set(re.findall(r"\b[a-z]+\b", drawing)) & rooms
    )
    assert (rooms - {"__init__"}) <= set(re.findall(r"`(\w+)`", (LIBRARY / "__init__.py").read_text(encoding="utf-8")))
    folders = {f"`tests/{path.parent.name}/`" for path in ROOT.glob("tests/*/*.py")}
    assert all(folder in PAGE for folder in folders), folders
    rules = {f"`workflow/rules/{path.name}`" for path in ROOT.glob("workflow/rules/*.smk")}
    assert all(file in PAGE for file in rules), rules


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=name)
def test_a_package_hides_nothing_and_says_what_is_in_it(path):
    (docstring,) = ast.parse(path.read_text(encoding="utf-8")).body
    assert isinstance(docstring, ast.Expr) and isinstance(docstring.value.value, str)
    inside = {other.stem for other in path.parent.glob("*.py")} - {"__init__", "__main__"}
    if path.parent.name in ("store", "job", "pruning", "training", "measure", "explorer", "typeset", "progress"):
        assert all(f"`{module}`" in docstring.value.value for module in inside), inside


def test_no_module_is_long():
    assert {name(path): n for path in MODULES if (n := len(path.read_text(encoding="utf-8").splitlines())) > 400} == {}


def test_no_arrow_runs_upwards_and_there_is_no_circle():
    floor = {one: number for number, rooms in enumerate(FLOORS) for one in rooms}
    arrows = {}
    for path in MODULES:
        here = name(path).removesuffix(".__init__")
        modules = {m for m in imported(path, everything=True) if m.startswith("winnow.")}
        arrows[here] = {m for m in modules if SCRIPTS.joinpath(*m.split(".")).with_suffix(".py").is_file()} - {here}
    for here, there in ((a, b) for a, targets in arrows.items() for b in targets):
        if room(here) == room(there):
            continue
        assert floor[room(there)] < floor[room(here)] or room(there) in ("streams", "store"), f"{here} -> {there}"
        assert room(here) != "config" or there.startswith(CHEAP), f"{here} -> {there}"
        assert room(there) not in ALONE or there.startswith("winnow.datasets.files"), f"{here} -> {there}"
    done: set[str] = set()
    while ready := {module for module in arrows if module not in done and arrows[module] <= done}:
        done |= ready
    assert set(arrows) == done, f"these import each other: {set(arrows) - done}"
