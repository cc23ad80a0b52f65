"""The page in a real browser: every control, key and address; what it says aloud; nothing that it asks for."""

import csv
import io
import re

import numpy as np
import pandas as pd
import pytest

from explorer import made
from explorer.browser import NODE
from winnow.explorer.content import COLUMNS
from winnow.explorer.make import Run, Tables, make_explorer
from winnow.store.schemas import SCHEMAS

LAST = len(made.ROUNDS)

OTHER_VALUES = {
    "dataset": "photos-clone",
    "method": "oneshot",
    "seed": "3",
    "round": "2",
    "unit": "7",
    "order": "kurtosis",
    "beside": "photos-clone/imp",
    "scale": "log",
    "size": "2",
    "theme": "dark",
    "keys": "off",
}
"""A value of each key of the state that is not its default."""


# -- controls and the address ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "value"), OTHER_VALUES.items())
def test_a_control_changes_the_address_and_the_address_the_control(opened, name, value):
    page = opened()
    before = page.shows(name)
    assert before != value
    page.choose(name, value)
    page.drawn()
    assert page.hash() == f"#{name}={value}"
    again = opened(f"{name}={value}")
    assert again.shows(name) == value
    assert again.drawn() == page.drawn().replace("%2F", "/")
    again.choose(name, before)
    again.drawn()
    assert again.hash() == ""  # the default is not said


def test_all_of_the_state_at_once(opened):
    hash = "&".join(f"{name}={value}" for name, value in OTHER_VALUES.items())
    page = opened(hash)
    assert {name: page.shows(name) for name in OTHER_VALUES} == OTHER_VALUES
    assert page.text("#units article:nth-of-type(1) h3") == "Unit 7: photos-clone, oneshot, after round 2"
    assert page.text("#units article:nth-of-type(2) h3") == "Unit 7: photos-clone, IMP, after round 2"


@pytest.mark.parametrize(
    ("hash", "said", "kept"),
    [
        ("round=99", "round=99 is no whole number from 0 to 4; 4 is shown.", ""),
        ("round=-1", "round=-1 is no whole number", ""),
        ("round=1e0", "round=1e0 is no whole number", ""),
        ("unit=", "unit= is no whole number from 0 to 19", ""),
        ("method=imp2", "method=imp2 is none of imp, oneshot, random; imp is shown.", ""),
        ("dataset=<b>&round=1", "dataset=<b> is none of photos, photos-clone; photos is shown.", "round=1"),
        ("size=2.0", "size=2.0 is none of 1, 2, 3", ""),
        ("constructor=1", "", "constructor=1"),
        ("%E0%A4%A", "", ""),
    ],
)
def test_a_bad_address_is_named_and_the_default_shown(opened, hash, said, kept):
    page = opened(hash)
    assert said in page.text("#problems") if said else page.page.locator("#problems").is_hidden()
    page.choose("unit", 3)
    page.drawn()
    assert page.page.locator("#problems").is_hidden()
    assert set(page.hash().removeprefix("#").split("&")) == {"unit=3", *filter(None, [kept])}


def test_unknown_keys_are_kept(opened):
    page = opened("mine=a b&round=1")
    page.choose("method", "random")
    page.drawn()
    assert page.hash() == "#method=random&round=1&mine=a+b"


def test_an_address_that_is_typed_in_is_followed(opened):
    page = opened()
    page.page.evaluate("location.hash = 'unit=5&round=3'")
    page.page.wait_for_function("() => document.documentElement.dataset.drawn === 'round=3&unit=5'")
    assert page.text("#units h3") == "Unit 5: photos, IMP, after round 3"
    page.page.click("text=What the words mean >> nth=0")
    assert page.hash() == "#words"
    assert page.shows("unit") == "5"  # an anchor changes nothing


def test_a_number_that_no_unit_has_is_put_back(opened):
    page = opened("unit=5")
    page.choose("unit", 99)
    page.drawn()
    assert page.shows("unit") == "5" and page.hash() == "#unit=5"


# -- grid, keys, playing -----------------------------------------------------------------------------------------------


def test_a_click_chooses_a_unit(opened):
    page = opened()
    columns = page.page.evaluate("document.getElementById('grid-canvas').width")
    per_row = (columns - 1) // 9  # pixels of a unit of 8 x 8 and its gap
    factor = page.page.evaluate("parseFloat(document.getElementById('grid-canvas').style.width)") / columns
    unit = min(per_row + 1, made.HIDDEN[0] - 1)
    page.page.locator("#grid-slider").click(
        position={"x": (unit % per_row * 9 + 5) * factor, "y": (unit // per_row * 9 + 5) * factor}
    )
    page.drawn()
    assert page.shows("unit") == str(unit)
    page.page.locator("#grid-slider").hover(position={"x": 5 * factor, "y": 5 * factor})
    assert page.text("#grid-note").startswith("Unit 0: ")


def test_keys_in_the_grid(opened):
    page = opened("unit=0")
    slider = page.page.locator("#grid-slider")
    slider.focus()
    for key, unit in (
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("ArrowLeft", 1),
        ("End", 19),
        ("ArrowRight", 19),
        ("Home", 0),
    ):
        page.page.keyboard.press(key)
        page.drawn()
        assert page.shows("unit") == str(unit), key
    page.page.keyboard.press("ArrowDown")
    page.drawn()
    below = int(page.shows("unit"))
    page.page.keyboard.press("ArrowUp")
    page.drawn()
    assert below > 1 and page.shows("unit") == "0"
    assert slider.get_attribute("aria-valuenow") == "0"
    assert "Unit 0: photos, IMP, after round 4." in slider.get_attribute("aria-valuetext")


def test_single_keys(opened):
    page = opened()
    for key, name, value in (
        *(("[", "round", LAST - 1), ("[", "round", LAST - 2), ("]", "round", LAST - 1), ("]", "round", LAST)),
        *(("]", "round", LAST), ("2", "method", "oneshot"), ("3", "method", "random"), ("1", "method", "imp")),
        ("4", "method", "imp"),
    ):
        page.page.keyboard.press(key)
        page.drawn()
        assert page.shows(name) == str(value), key
    page.page.keyboard.press("Control+2")
    assert page.shows("method") == "imp"
    page.page.locator("#choose-unit").focus()
    page.page.keyboard.press("2")
    assert page.shows("method") == "imp"  # it is typed there
    off = opened("keys=off")
    off.page.keyboard.press("2")
    assert off.shows("method") == "imp"


def test_all_controls_are_reached_by_tab_and_the_grid_is_one_stop(opened):
    page = opened()
    stops = []
    while stops[-1:] != ["BODY"]:
        page.page.keyboard.press("Tab")
        stops.append(page.page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert stops.count("grid-slider") == 1
    assert {f"choose-{name}" for name in OTHER_VALUES} | {"play", "grid-slider"} <= set(stops)


@pytest.mark.parametrize(("motion", "pause"), [("no-preference", 700), ("reduce", 1600)])
def test_the_rounds_play(chromium, opened, motion, pause):
    page = opened("round=2", reduced_motion=motion)
    page.page.evaluate(
        """() => {
          const old = setInterval;
          window.pauses = [];
          window.setInterval = (f, ms) => (pauses.push(ms), old(f, pauses.length > 1 ? 10 * ms : 50));
        }"""
    )
    page.page.click("#play")
    page.page.wait_for_function("() => document.getElementById('play').textContent.includes('Play')")
    page.drawn()
    assert page.shows("round") == str(LAST)
    assert page.page.evaluate("pauses") == [pause]
    page.page.keyboard.press("p")  # from the end it begins anew
    assert page.shows("round") in "01" and page.text("#play") == "■ Stop"
    page.page.keyboard.press("p")
    assert page.text("#play") == "▶ Play"


def test_units_with_details_one_after_another(opened, made_up):
    units = made_up.details["photos", 0]["units"].tolist()
    page = opened(f"unit={units[0]}")
    page.page.click("text=Next")
    page.drawn()
    assert page.shows("unit") == str(units[1])
    page.page.click("text=Previous unit with details")
    page.page.click("text=Previous unit with details")
    page.drawn()
    assert page.shows("unit") == str(units[-1])
    other = next(unit for unit in range(20) if unit not in units)
    page.choose("unit", other)
    page.drawn()
    assert "units with a diamond in the grid" in page.text("#units")
    assert page.page.locator("#units h4").all_inner_texts() == [
        "Mask",
        "Autocorrelation of the mask",
        "Width over the rounds",
        "Kurtosis over the rounds",
    ]


# -- what it says ------------------------------------------------------------------------------------------------------


def test_the_live_region_says_what_is_selected(opened):
    page = opened()
    page.choose("unit", 4)
    page.page.wait_for_function("() => document.getElementById('live').textContent.includes('Unit 4: photos')")
    assert re.fullmatch(
        r"Unit 4: photos, IMP, after round 4\. \d+ weights, width ([\d.]+ pixels|none), kurtosis [\d.]+\.",
        page.page.evaluate("document.getElementById('live').textContent"),
    )


def test_csv_of_a_unit_and_of_a_round(opened):
    page = opened("unit=4&round=2")
    page.page.click("summary")
    cells = page.page.locator("#units table tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    saved = {}
    for button in ("save-unit", "save-round"):
        with page.page.expect_download() as waiting:
            page.page.click(f".{button}")
        saved[waiting.value.suggested_filename] = list(csv.DictReader(io.StringIO(waiting.value.path().read_text())))
    unit, of_round = saved["photos_imp_0_unit4.csv"], saved["photos_imp_0_round2.csv"]
    assert [list(row.values())[4:] for row in unit] == [[cell.replace("–", "") for cell in row] for row in cells]
    assert [row["unit"] for row in of_round] == [str(unit) for unit in range(made.HIDDEN[0])]
    assert of_round[4] == unit[2]


def test_claims_are_text_and_say_their_verdict_in_words_and_signs(opened):
    rows = opened().page.locator("#claims-table tbody tr").evaluate_all("rows => rows.map(row => row.textContent)")
    assert [sign in row for row, sign in zip(rows, ("✓ supported", "✗ not supported", "? undetermined"), strict=True)]
    assert "narrower & <b>more</b> local" in rows[0] and "</script><script>alert(1)" in rows[1]
    assert "there is no clone" in rows[2]


def test_one_channel_one_round_one_method_and_nothing_known(opened, tmp_path):
    draw = np.random.default_rng(0)
    mask = {"layers.0.weight": draw.random((3, 16)) < 0.4}
    mask["layers.0.weight"][2] = False
    rows = {"dataset": "grey", "method": "imp", "seed": 5, "round": np.repeat([0, 1], 3), "unit": [0, 1, 2] * 2}
    table = pd.DataFrame({**rows, "density": 0.5, **dict.fromkeys(COLUMNS, np.nan)})
    tables = Tables(table, table, pd.DataFrame(columns=SCHEMAS["training"].names), made.claims().head(0))
    page = tmp_path / "grey.html"
    text = make_explorer(
        "grey", [Run("grey", "imp", 5, [mask])], {}, {"grey": (1, 4, 4)}, tables, clone_suffix="-clone"
    )
    page.write_text(text, encoding="utf-8")
    for hash in ("", "round=0&unit=2", "unit=2", "order=kurtosis&scale=log"):
        shown = opened(hash, path=page)
        assert "NaN" not in shown.text("body") and "undefined" not in shown.text("body")
    assert "No claim was checked" in shown.text("#claims-note")


# -- looks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [390, 800, 1440])
@pytest.mark.parametrize("hash", ["", "beside=photos-clone/imp&round=2&size=3"])
def test_nothing_is_wider_than_the_window(opened, width, hash):
    page = opened(hash, width=width)
    page.page.locator("summary").first.click()
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_comes_below_the_unit_is_not_hidden_by_the_grid(opened):
    """The grid stays in view beside the unit, and goes with it."""
    page = opened("size=3", width=1440)
    places = "ids => ids.map(id => document.getElementById(id).getBoundingClientRect())"
    for height in (300, 1e6):
        page.page.evaluate(f"scrollTo(0, {height})")
        grid, unit, curves = page.page.evaluate(places, ["grid", "unit", "curves"])
        assert grid["bottom"] <= unit["bottom"] + 1 <= curves["top"]
        assert grid["top"] > 0 or unit["bottom"] <= 900


def test_claims_on_a_phone_stand_below_each_other(opened):
    page = opened(width=390)
    table = page.page.locator("#claims-table")
    assert table.evaluate("table => table.scrollWidth") <= 390
    assert page.page.get_by_role("row").filter(has=page.page.get_by_role("rowheader")).count() > 0


def test_a_narrower_window_is_drawn_anew(opened):
    page = opened()
    page.page.set_viewport_size({"width": 500, "height": 800})
    page.page.wait_for_timeout(300)
    page.drawn()
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 500


def test_themes(opened):
    def ground(page):
        return page.page.evaluate("getComputedStyle(document.body).backgroundColor")

    light, dark = opened(color_scheme="light"), opened(color_scheme="dark")
    assert ground(light) != ground(dark)
    assert ground(opened("theme=dark", color_scheme="light")) == ground(dark)
    assert ground(opened("theme=light", color_scheme="dark")) == ground(light)
    light.page.emulate_media(color_scheme="dark")
    light.drawn()
    assert ground(light) == ground(dark)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("hash", ["", "beside=photos-clone/random&round=1"])
@pytest.mark.parametrize("width", [390, 1440])
def test_axe_finds_nothing(opened, scheme, hash, width):
    axe = NODE / "axe-core" / "axe.min.js"
    if not axe.exists():
        pytest.skip("axe is not installed: npm ci --prefix tests/explorer")
    page = opened(hash, color_scheme=scheme, width=width)
    page.page.locator("summary").first.click()
    page.page.evaluate(axe.read_text(encoding="utf-8"))
    found = page.page.evaluate("axe.run()")["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found] == []
