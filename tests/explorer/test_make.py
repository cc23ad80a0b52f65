"""The page as a text: what goes into it, the same bytes every time, refusals."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from explorer import made
from winnow.explorer import sources
from winnow.explorer.content import curves, score_means
from winnow.explorer.make import Run
from winnow.explorer.still import draw_still
from winnow.masks import PruningError


def manifest(text: str) -> dict:
    return json.loads(re.search(r'id="manifest">(.*?)</script>', text)[1])


def test_the_same_bytes_when_made_twice(made_up):
    assert made_up.text() == made_up.page.read_text(encoding="utf-8")


def test_it_is_one_file_that_asks_for_nothing(made_up):
    text = made_up.page.read_text(encoding="utf-8")
    outside = re.findall(r"""(?:src|href)\s*=\s*["']([^"']+)""", text) + re.findall(r"url\(([^)]*)\)", text)
    assert [link for link in outside if not link.startswith(("#", "data:"))] == []
    assert re.findall(r"https?://[^\"'\s]+", text) == ["http://www.w3.org/2000/svg"]  # a name, not an address
    assert "import " not in re.search(r'<script type="module">(.*?)</script>', text, re.DOTALL)[1].split("*/")[-1]


def test_text_of_the_tables_cannot_end_a_script(made_up):
    text = made_up.page.read_text(encoding="utf-8")
    assert "</script><script>alert" not in text
    assert manifest(text)["claims"][1]["statement"] == "</script><script>alert(1)"


def test_curves_are_means_over_seeds_of_means_over_units(made_up):
    tables = made_up.tables
    found = {(c["statistic"], c["dataset"], c["method"]): c for c in manifest(made_up.text())["curves"]}
    locality = tables.locality[tables.locality["converged"].eq(True)]
    for (dataset, method), rows in locality.groupby(["dataset", "method"]):
        seeds = rows.groupby(["round", "seed"])["sigma_x"].mean().groupby("round")
        curve = found["sigma_x", dataset, method]
        assert curve["rounds"] == [0, *made.ROUNDS]
        np.testing.assert_allclose(curve["mean"], seeds.mean(), rtol=1e-4)
        np.testing.assert_allclose(curve["min"], seeds.min(), rtol=1e-4)
        np.testing.assert_allclose(curve["max"], seeds.max(), rtol=1e-4)
    assert found["validation_accuracy", "photos", "imp"]["mean"] == [0.5, 0.6, 0.7, 0.8]


def test_nothing_measured_gives_no_curve(made_up):
    tables = made_up.tables
    unknown = tables.locality.assign(converged=None, chance_sigma_x=np.nan)
    assert {curve["statistic"] for curve in curves(unknown, tables.kurtosis.head(0), tables.training.head(0))} == set()


def test_means_of_scores_by_what_goes_next():
    scores = np.array([[[1.0, 2.0, -3.0, 9.0]], [[0.0, 4.0, 6.0, 0.0]]])  # rounds, units, inputs
    details = {"scores": scores, "has_score": np.array([[[1, 1, 1, 0]], [[0, 1, 1, 1]]], bool)}
    lasts = np.array([[0, 1, 2, 2]])
    assert score_means(details, lasts) == {"next": [[1.0], [4.0]], "later": [[-0.5], [3.0]]}


def test_masks_that_are_not_nested_are_refused(made_up):
    first = made_up.runs[0]
    with pytest.raises(PruningError, match="not nested"):
        replace(made_up, runs=[Run(first.dataset, first.method, first.seed, first.masks[::-1])]).text()


def test_a_table_without_the_run_is_refused(made_up):
    tables = replace(made_up.tables, kurtosis=pd.DataFrame(columns=made_up.tables.kurtosis.columns))
    with pytest.raises(ValueError, match="0 rows of kurtosis"):
        replace(made_up, tables=tables).text()


def test_more_rounds_than_fit_into_four_bits(made_up):
    first = made_up.runs[0]
    masks = [first.masks[0]] * 17
    tables = made_up.tables
    rows = {
        name: pd.concat(
            [
                table[(table["dataset"] == "photos") & (table["method"] == "imp") & (table["seed"] == 0)].query(
                    "round == 0"
                )
            ]
            * 18
        ).assign(round=np.repeat(range(18), made.HIDDEN[0]))
        for name, table in (("locality", tables.locality), ("kurtosis", tables.kurtosis))
    }
    text = replace(made_up, runs=[replace(first, masks=masks)], details={}, tables=replace(tables, **rows)).text()
    assert manifest(text)["bits"] == 8


def test_the_size_is_in_the_log(made_up, caplog):
    caplog.set_level("INFO", "winnow")
    made_up.text()
    assert "the explorer holds photos seed 0, photos seed 3, photos-clone seed 0" in caplog.text
    assert re.search(r"it takes [\d.]+ MB: masks [\d.]+ kB", caplog.text)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_still_picture(channels):
    mask = {"layers.0.weight": np.random.default_rng(0).random((7, channels * 64)) < 0.4}
    picture = draw_still(mask, (channels, 8, 8))
    assert picture.startswith(b"\x89PNG") and picture == draw_still(mask, (channels, 8, 8))


def test_modules_that_import_each_other_are_refused(monkeypatch, tmp_path):
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nexport const a = 1;\n')
    (tmp_path / "b.js").write_text('import { a } from "./a.js";\nexport const b = 1;\n')
    monkeypatch.setattr(sources, "PAGE", tmp_path)
    with pytest.raises(ValueError, match=r"a\.js -> b\.js -> a\.js"):
        sources.joined_modules("a.js")


def test_a_text_that_would_end_its_element_is_refused():
    with pytest.raises(ValueError, match="end its element early"):
        sources.page_text(manifest="</script>", blocks="")
    with pytest.raises(ValueError, match="slots"):
        sources.page_text(manifest="", other="")
