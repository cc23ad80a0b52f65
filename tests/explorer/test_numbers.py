"""The numbers in the page are those of the Parquet files, its pictures those of the masks."""

import csv
import io

import numpy as np
import pandas as pd
import pytest

from explorer import made
from winnow.masks import with_full_mask
from winnow.measure.autocorrelation import autocorrelation

READ = """
async () => {
  const canvas = document.getElementById("grid-canvas");
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return [canvas.width, canvas.height, Array.from(data)];
}
"""


def save(page, button: str) -> pd.DataFrame:
    page.page.locator("summary").first.click()
    with page.page.expect_download() as waiting:
        page.page.click(f".{button}")
    return pd.DataFrame(csv.DictReader(io.StringIO(waiting.value.path().read_text())))


def assert_same(saved: pd.DataFrame, table: pd.DataFrame, decimals: dict[str, int]) -> None:
    for name, digits in decimals.items():
        read = pd.to_numeric(saved[name]).to_numpy()
        np.testing.assert_allclose(read, table[name].astype(float).round(digits), atol=1e-9, err_msg=name)


DECIMALS = {
    "n_weights": 0,
    "sigma_x": 2,
    "sigma_y": 2,
    "chance_sigma_x": 2,
    "close_pairs": 0,
    "close_pairs_expected": 1,
}


@pytest.mark.parametrize(("dataset", "method", "seed"), [("photos", "imp", 0), ("photos-clone", "random", 3)])
@pytest.mark.parametrize("n", [0, 3])
def test_numbers_of_all_units(opened, made_up, dataset, method, seed, n):
    saved = save(opened(f"dataset={dataset}&method={method}&seed={seed}&round={n}"), "save-round")
    key = f"dataset == '{dataset}' and method == '{method}' and seed == {seed} and round == {n}"
    locality, kurtosis = (
        table.query(key).sort_values("unit") for table in (made_up.tables.locality, made_up.tables.kurtosis)
    )
    assert_same(saved, locality, DECIMALS)
    assert_same(saved, kurtosis, {"kurtosis": 3})
    assert saved["converged"].map({"yes": True, "no": False, "": None}).tolist() == locality["converged"].tolist()
    np.testing.assert_allclose(pd.to_numeric(saved["density"]), locality["density"], rtol=1e-4)


@pytest.mark.parametrize(("method", "n"), [("imp", 4), ("oneshot", 2), ("random", 0)])
def test_the_grid_shows_the_masks(opened, made_up, method, n):
    page = opened(f"method={method}&round={n}")
    width, height, flat = page.page.evaluate(READ)
    pixels = np.array(flat, np.uint8).reshape(height, width, 4)
    run = next(run for run in made_up.runs if (run.dataset, run.method, run.seed) == ("photos", method, 0))
    mask = with_full_mask(run.masks)[n]["layers.0.weight"].reshape(-1, *made.SHAPE)
    columns = (width - 1) // 9
    for unit, expected in enumerate(mask):
        top, left = unit // columns * 9 + 1, unit % columns * 9 + 1
        shown = pixels[top : top + 8, left : left + 8]
        assert (shown[..., :3] == 255 * np.moveaxis(expected, 0, -1)).all(), unit
        assert (shown[..., 3] == 255).all()


def test_the_order_of_the_units(opened, made_up):
    table = made_up.tables.locality.query("dataset == 'photos' and method == 'imp' and seed == 0 and round == 4")
    kurtosis = made_up.tables.kurtosis.query("dataset == 'photos' and method == 'imp' and seed == 0 and round == 4")
    widths = table["sigma_x"].where(table["converged"].eq(True)).round(2)
    for order, values in (
        ("weights", -table["n_weights"]),
        ("width", widths),
        ("kurtosis", -kurtosis["kurtosis"].round(3)),
    ):
        expected = table["unit"].to_numpy()[np.argsort(values.fillna(np.inf).to_numpy(), kind="stable")]
        page = opened(f"order={order}&unit={expected[0]}")
        slider = page.page.locator("#grid-slider")
        slider.focus()
        walked = [int(page.shows("unit"))]
        for _ in expected[1:]:
            page.page.keyboard.press("ArrowRight")
            page.drawn()
            walked.append(int(page.shows("unit")))
        assert walked == expected.tolist(), order


def test_brightest_of_the_autocorrelation_and_the_facts(opened, made_up):
    run = made_up.runs[0]
    page = opened("unit=7&round=2")
    mask = run.masks[1]["layers.0.weight"][7].reshape(1, *made.SHAPE)
    s = autocorrelation(mask)[0]
    s[s.shape[0] // 2, s.shape[1] // 2] = 0
    assert f"dark none, bright {s.max()} or more." in page.text("#units")
    assert page.page.locator(".facts dd").first.inner_text() == str(mask.sum())


def test_scores_and_their_means(opened, made_up):
    details, run = made_up.details["photos", 0], made_up.runs[0]
    unit = int(details["units"][2])
    saved = save(opened(f"unit={unit}"), "save-unit")
    masks = [m["layers.0.weight"][unit] for m in with_full_mask(run.masks)]
    for n in range(len(run.masks)):
        scores, known = details["scores"][n][2], details["has_score"][n][2]
        for name, chosen in (("cavity_next", masks[n] & ~masks[n + 1]), ("cavity_later", masks[n + 1])):
            among = scores[chosen & known].astype(float)
            value = saved[name][n]
            assert float(value) == pytest.approx(among.mean(), rel=1e-4) if among.size else value == ""


def test_the_tiny_experiments_page_has_the_tables_numbers(finished, opened):
    folder = finished.folder / "results/tiny"
    key = "dataset == 'photos' and method == 'oneshot' and seed == 0 and round == 2"
    locality, kurtosis = (
        pd.read_parquet(folder / f"{name}.parquet").query(key).sort_values("unit")
        for name in ("locality", "kurtosis_by_unit")
    )
    page = opened("method=oneshot&round=2", path=folder / "explorer.html")
    saved = save(page, "save-round")
    assert_same(saved, locality, DECIMALS)
    assert_same(saved, kurtosis, {"kurtosis": 3})
    claims = pd.read_parquet(folder / "claims.parquet").query("seed.isna() and verdict.notna()")
    rows = page.page.locator("#claims-table tbody tr").evaluate_all(
        "rows => rows.map(row => [row.cells[0].textContent, row.cells[1].textContent.slice(2)])"
    )
    assert rows == claims[["claim", "verdict"]].to_numpy().tolist()
