"""Snakemake's report of a whole run, as one file and as an archive: opened from the disk, every item of it, offline."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from explorer.browser import Opened
from winnow.store.tables import read_table

FIGURES = [str(n) for n in range(1, 8)]
ITEMS = {
    "Claims": ["claims", "claims, as CSV", "methods, as CSV"],
    "Data": ["photos"],
    "Explorer": ["explorer.html"],
    "Figures": FIGURES,
    "Settings": ["settings", "versions"],
}
"""What the report of the tiny experiment holds, in the order in which a reader meets it."""


@pytest.fixture(scope="module")
def reports(finished, tmp_path_factory) -> Path:
    """A folder with both reports, beside the results, as where they are made by hand."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "results").symlink_to(finished.folder / "results")
    finished.snakemake("--report", str(folder / "report.html"))
    finished.snakemake("--report", str(folder / "packed.zip"))
    with zipfile.ZipFile(folder / "packed.zip") as archive:
        archive.extractall(folder)
    return folder


def test_the_report_is_built(reports):
    page = (reports / "report.html").read_text(encoding="utf-8")
    assert 500_000 < len(page) < 8_000_000
    for figure in FIGURES:
        assert f"results/tiny/figures/fig{figure}.png" in page
    # A still picture of the explorer, and what leads to the page itself.
    assert "results/tiny/explorer.png" in page and 'href=\\"results/tiny/explorer.html\\"' in page


class Report(Opened):
    """The report in a browser."""

    def category(self, name: str) -> list[str]:
        """Open a category from wherever; the last label of each of its items."""
        self.page.locator("nav nav a").first.click()  # home
        self.page.locator("nav a").filter(has_text=re.compile(f"^{name}$")).click()
        self.page.locator("a[iconname=eye]").first.wait_for()
        rows = self.page.locator("nav tbody tr")
        return [rows.nth(k).locator("td").nth(-2).inner_text().strip() for k in range(rows.count())]

    def categories(self) -> list[str]:
        links = [text.strip() for text in self.page.locator("nav a").all_inner_texts()]
        return links[links.index("About") + 1 :]

    def caption(self, row: int) -> str:
        """What is said of an item, in place of the list."""
        self.page.locator("nav tbody tr").nth(row).locator("a").last.click()
        self.page.get_by_text("description", exact=False).first.wait_for()
        return self.page.locator("nav").first.inner_text()


@pytest.fixture
def opened_report(chromium) -> Iterator[Any]:
    """Opens a report from the disk, without network; at the end nothing may have failed or left the machine."""
    opened = []

    def open_report(path: Path) -> Report:
        context = chromium.new_context(viewport={"width": 1400, "height": 900}, offline=True, accept_downloads=True)
        one = Report(context.new_page())
        opened.append((context, one))
        context.on("console", lambda message: one.said.append(message.text) if message.type == "error" else None)
        context.on("weberror", lambda error: one.said.append(str(error.error)))
        context.on("request", lambda request: one.asked.append(request.url))
        one.page.goto(path.as_uri())
        one.page.get_by_text("This workflow repeats Redman").wait_for()
        return one

    yield open_report
    for context, one in opened:
        assert one.said == []
        assert all(url.startswith(("file:", "data:", "blob:")) for url in one.asked), one.asked
        context.close()


@pytest.mark.parametrize("name", ["report.html", "packed/report.html"])
def test_every_item_opens_the_claims_first(opened_report, reports, finished, name):
    report = opened_report(reports / name)
    results = finished.folder / "results" / "tiny"
    categories = report.categories()
    assert categories == list(ITEMS)
    for category in categories:
        labels = report.category(category)
        if category == "Settings":  # two tables that differ in one label are switched between
            buttons = report.page.locator("nav").get_by_text(re.compile("^(settings|versions)$"))
            assert buttons.all_inner_texts() == ITEMS[category]
            for k, text in enumerate(("Rewind iteration", "numpy")):
                buttons.nth(k).click()
                report.page.locator("a[iconname=eye]").first.click()
                table = report.page.frame_locator("iframe").locator("table")
                table.get_by_text(text, exact=True).wait_for()
            continue
        assert labels == ITEMS[category]
        for k, label in enumerate(labels):
            eye = report.page.locator("a[iconname=eye]").nth(k)
            if label.endswith("CSV") or category == "Data":
                with report.page.expect_download() as download:
                    eye.click()
                content = Path(download.value.path()).read_text(encoding="utf-8")
                assert len(list(csv.DictReader(io.StringIO(content)))) > 0
            elif category == "Claims":
                eye.click()
                rows = report.page.frame_locator("iframe").locator("tbody tr")
                rows.first.wait_for()
                claims = read_table(results / "claims.parquet", "claims").to_pandas()
                decided = claims[claims["seed"].isna() & claims["verdict"].notna()]
                cells = [row.split("\t") for row in rows.all_inner_texts()]
                assert [row[0] for row in cells] == decided["claim"].tolist()
                assert all(row[2].startswith(v) for row, v in zip(cells, decided["verdict"], strict=True))
            else:
                eye.click()
                image = "[...document.images].find(one => one.naturalWidth > 500 && one.src.includes('{}'))"
                picture = "explorer.png" if category == "Explorer" else f"fig{label}.png"
                report.page.wait_for_function(image.format(picture))


def test_captions_have_the_runs_own_numbers(opened_report, reports, finished):
    report = opened_report(reports / "report.html")
    figures = finished.folder / "results" / "tiny" / "figures"
    for k, figure in enumerate(FIGURES):
        report.category("Figures")
        said = " ".join(report.caption(k).split())
        assert f"Figure {figure}." in said
        quoted = (figures / f"fig{figure}.rst").read_text(encoding="utf-8").replace("*This run*", "This run")
        assert " ".join(re.sub(r"\\(.)", r"\1", quoted).split()) in said and "This run: (" in said
    report.category("Claims")
    said = " ".join(report.caption(0).split())
    assert re.search(r"This run: of the claims, on photos \d+ (supported|not supported|undetermined) \(", said), said


@pytest.mark.parametrize(
    ("name", "link"), [("report.html", "results/tiny/explorer.html"), ("packed/report.html", "an unpacked archive")]
)
def test_the_picture_of_the_explorer_leads_to_it(opened_report, reports, name, link):
    report = opened_report(reports / name)
    report.category("Explorer")
    report.caption(0)
    with report.page.expect_event("framenavigated"):
        report.page.locator("a", has_text=link).click()
    assert Opened(report.page).drawn()
    assert report.page.url == (reports / "results/tiny/explorer.html").as_uri()
