"""The gallery: its command makes the page of a run, and the page that is there shows what such a command makes."""

import re
import subprocess
import sys

from PIL import Image

from project import ROOT

PICTURE = re.compile(r"!\[[^]]+\]\((images/gallery/\w+\.png)\)")


def test_the_command_makes_the_page_of_a_run(finished, tmp_path):
    command = [sys.executable, str(ROOT / "docs" / "gallery.py"), "results/tiny", "--to", str(tmp_path)]
    subprocess.run(command, cwd=finished.folder, check=True)
    page = (tmp_path / "gallery.md").read_text(encoding="utf-8")
    shown = PICTURE.findall(page)
    assert shown == [f"images/gallery/{name}.png" for name in (*(f"fig{n}" for n in range(1, 8)), "explorer")]
    for name in shown:
        with Image.open(tmp_path / name) as picture:
            assert 300 < picture.width <= 1400
    assert {path.name for path in (tmp_path / "images/gallery").iterdir()} == {name.split("/")[-1] for name in shown}
    quotes = (finished.folder / "results/tiny/figures/fig4.rst").read_text(encoding="utf-8")
    (numbers,) = re.findall(r"oneshot ([\d.]+) \(.*?\); random [\d.]+ \(.*?\)\.$", quotes.strip())
    assert f"oneshot {numbers} (" in " ".join(page.split())
    assert (finished.folder / "results/tiny/tables/claims.md").read_text(encoding="utf-8").splitlines()[-1] in page


def test_without_figures_it_says_what_to_do(tmp_path):
    command = [sys.executable, str(ROOT / "docs" / "gallery.py"), str(tmp_path), "--to", str(tmp_path)]
    done = subprocess.run(command, text=True, capture_output=True)
    assert done.returncode != 0 and "there are no figures; run snakemake first" in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_page_that_is_there_is_of_the_default_experiment_and_small():
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    folder = ROOT / "docs" / "images" / "gallery"
    assert {name.split("/")[-1] for name in PICTURE.findall(page)} == {path.name for path in folder.iterdir()}
    assert sum(path.stat().st_size for path in folder.iterdir()) < 700_000
    assert "`results/demo/`" in page and ", on edges:" in page
