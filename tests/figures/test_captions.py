"""The report's captions: they render, are valid reStructuredText, and name the panels of their figure."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils.core import publish_parts
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined
from pydantic import TypeAdapter

from examples import examples
from winnow.config.settings import Name
from winnow.figures.fig7 import MOST_CURVES

REPORT = Path(__file__).parents[2] / "workflow" / "report"
NAME = TypeAdapter(Name).json_schema()["pattern"]
PANELS = {
    "fig1": "AB",
    "fig2": "AB",
    "fig3": "ABC",
    "fig4": "AB",
    "fig5": "ABCDEF",
    "fig6": "AB",
    "fig7": "ABCDEF",
    "fig8": "ABCDE",
    "fig9": "ABCDEFGHIJ",
    "fig10": "ABCDEF",
}


TYPESET = {
    f"{table}_{kind}": f"results/demo/tables/{table}.{kind}"
    for table in ("claims", "sensitivity", "settings", "versions")
    for kind in ("md", "tex")
}
PARAMS = {"fig3": {"clone": "photos-clone"}, "fig5": {"clone": "photos-clone"}, "fig7": {"methods": ["imp"]}}
QUOTE = "*This run*: (A) width\\_: 2.5 (2.4 to 2.6)."


@pytest.fixture(scope="module", autouse=True)
def quotes(tmp_path_factory) -> Iterator[None]:
    """What the figure's rule writes for the caption, where Snakemake runs."""
    folder = tmp_path_factory.mktemp("results")
    (folder / "quotes.rst").write_text(f"{QUOTE}\n")
    with contextlib.chdir(folder):
        yield


def render(name: str, *, called: str = "photos", experiment: str = "demo", **params: str | list[str] | None) -> str:
    """The caption as HTML, the way a Snakemake report makes it; anything undefined or malformed is an error."""
    job = SimpleNamespace(
        wildcards=SimpleNamespace(experiment=experiment),
        params=SimpleNamespace(dataset=called, **params),
        output=SimpleNamespace(quotes="quotes.rst", **TYPESET),
        config={"experiment": experiment, "seeds": [0, 1, 2], "datasets": {called: {}, "synthetic": {}}},
    )
    source = (REPORT / f"{name}.rst").read_text(encoding="utf-8")
    text = Environment(undefined=StrictUndefined).from_string(source).render(snakemake=job)
    html = publish_parts(text, writer="html5", settings_overrides={"halt_level": 2, "report_level": 2})["body"]
    return " ".join(html.split())


@pytest.mark.parametrize("name", PANELS)
def test_caption_names_each_panel_and_the_paper(name):
    html = render(name, **PARAMS.get(name, {}))
    for letter in PANELS[name]:
        assert f"({letter})" in html
    assert f"({chr(ord(PANELS[name][-1]) + 1)})" not in html
    assert "photos" in html and "experiment demo" in html
    assert "The paper saw" in html or "not in the paper" in html
    assert f"Figure {name.removeprefix('fig')}." in html
    assert "<em>This run</em>: (A) width_: 2.5 (2.4 to 2.6)." in html


def test_captions_of_masks_say_which_units_are_shown():
    for name, text in [("fig1", render("fig1")), ("fig3", render("fig3", clone="photos-clone"))]:
        assert "units at quantiles of their number of weights" in text and "most connected" in text, name


def test_caption_of_fig7_says_what_is_drawn_of_few_and_of_many_methods():
    for n in (MOST_CURVES, MOST_CURVES + 1):
        html = render("fig7", methods=[f"method_{k}" for k in range(n)])
        assert ("The bands of these three run" in html) == (n == MOST_CURVES)
        assert ("Rows are methods" in html) == (n > MOST_CURVES)


def test_caption_of_fig5_without_a_clone_does_not_speak_of_it():
    html = render("fig5", clone=None)
    assert "(F)" not in html and "(E)" in html


OTHERS = [
    *("workflow", "claims", "sensitivity", "methods", "certificate"),
    *("claims_table", "sensitivity_table", "settings_table", "versions_table"),
]


@pytest.mark.parametrize("name", OTHERS)
def test_other_texts_render(name):
    html = render(name)
    assert "demo" in html
    if name.endswith("_table"):
        assert f"results/demo/tables/{name.removesuffix('_table')}.tex" in html
    if name == "workflow":
        assert "photos, synthetic" in html and "3 seed(s)" in html
        assert all(f"Figure {number}" in html for number in range(1, 10))


@settings(max_examples=examples(15), deadline=None)
@given(st.from_regex(NAME, fullmatch=True), st.from_regex(NAME, fullmatch=True))
def test_any_name_that_the_configuration_allows_is_shown_as_it_is(called, experiment):
    for name in ("workflow", "fig3", "fig5"):
        html = render(name, called=called, experiment=experiment, clone=f"{called}-clone")
        assert called in html and experiment in html


def test_every_caption_is_tested():
    assert {path.stem for path in REPORT.glob("*.rst")} == {
        *PANELS,
        *OTHERS,
        "explorer",
    }
