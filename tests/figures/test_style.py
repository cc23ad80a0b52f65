"""The shared style: files, fonts, and nothing global left behind."""

import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
import synthetic
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from synthetic import NAME, TINY

from winnow.figures.fig4 import plot_fig4
from winnow.figures.style import CLONE, METHODS, house_style, save_figure, set_heading

LIBRARY = Path(__file__).parents[2] / "workflow" / "scripts"


def a_figure() -> Figure:
    return plot_fig4(synthetic.locality(TINY), synthetic.kurtosis_by_class(TINY), dataset=NAME)


@pytest.mark.slow
def test_files_are_the_same_each_time(tmp_path):
    figure = a_figure()
    save_figure(figure, tmp_path / "a.pdf", tmp_path / "a.png")
    save_figure(figure, tmp_path / "again.pdf", tmp_path / "again.png")
    save_figure(a_figure(), tmp_path / "anew.png", tmp_path / "anew.pdf")
    for kind in ("pdf", "png"):
        first = (tmp_path / f"a.{kind}").read_bytes()
        assert first == (tmp_path / f"again.{kind}").read_bytes()
        assert first == (tmp_path / f"anew.{kind}").read_bytes()
    assert {path.suffix for path in tmp_path.iterdir()} == {".pdf", ".png"}, "parts of files are left behind"


@pytest.mark.slow
def test_another_process_writes_the_same_files(tmp_path):
    program = (
        "import sys, synthetic as s\n"
        "from winnow.figures.fig4 import plot_fig4\n"
        "from winnow.figures.style import save_figure\n"
        "figure = plot_fig4(s.locality(s.TINY), s.kurtosis_by_class(s.TINY), dataset=s.NAME)\n"
        "save_figure(figure, sys.argv[1] + '.pdf', sys.argv[1] + '.png')\n"
        "assert 'matplotlib.pyplot' not in sys.modules and 'torch' not in sys.modules\n"
    )
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9\nfont.size: 20\n")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(LIBRARY), str(Path(__file__).parent)])}
    for name, extra in [("a", {"PYTHONHASHSEED": "1"}), ("b", {"PYTHONHASHSEED": "2", "MATPLOTLIBRC": str(tmp_path)})]:
        subprocess.run([sys.executable, "-c", program, str(tmp_path / name)], check=True, env=environment | extra)
    for kind in ("pdf", "png"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_pdf_has_truetype_fonts_and_no_date(tmp_path):
    save_figure(a_figure(), tmp_path / "a.pdf")
    content = (tmp_path / "a.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert b"/CIDFontType2" in content and b"/Type3" not in content
    assert b"CreationDate" not in content


def test_png_has_200_dots_per_inch(tmp_path):
    save_figure(a_figure(), tmp_path / "a.png")
    header = (tmp_path / "a.png").read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    assert int.from_bytes(header[16:20], "big") == 1400


def test_other_formats_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"fig\.svg.*\.pdf or \.png"):
        save_figure(a_figure(), tmp_path / "fig.pdf", tmp_path / "fig.svg")
    assert not list(tmp_path.iterdir())


def test_settings_do_not_leak():
    before = dict(matplotlib.rcParams)
    with house_style():
        assert matplotlib.rcParams["pdf.fonttype"] == 42
    a_figure()
    assert dict(matplotlib.rcParams) == before


def test_colours_are_as_in_the_paper_and_differ_in_more_than_colour():
    looks = [*METHODS.values(), CLONE]
    assert to_rgb(METHODS["imp"].colour) == (0, 0, 0)
    blue, red = to_rgb(METHODS["oneshot"].colour), to_rgb(METHODS["random"].colour)
    assert blue[2] == max(blue) and red[0] == max(red)
    for what in ("colour", "linestyle", "marker", "label"):
        assert len({getattr(look, what) for look in looks}) == len(looks)


def test_nothing_is_smaller_than_seven_points():
    figure = a_figure()
    figure.draw_without_rendering()
    sizes = [text.get_fontsize() for text in figure.findobj(matplotlib.text.Text) if re.search(r"\S", text.get_text())]
    assert min(sizes) >= 7


def test_heading_holds_the_letter_and_the_text():
    axes = Figure().subplots()
    set_heading(axes, "A", "what it shows")
    assert (axes.get_title(loc="left"), axes.get_title()) == ("A", "what it shows")
