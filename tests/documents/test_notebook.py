"""The notebook: its cells run as they stand, and draw the numbers that lie beside figure 4."""

import json

import matplotlib
import numpy as np
import pandas as pd
import pytest

from project import ROOT
from winnow.figures.style import METHODS

NOTEBOOK = json.loads((ROOT / "docs" / "figure4.ipynb").read_text(encoding="utf-8"))
CODE = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def test_it_is_a_notebook_without_outputs_and_the_figure_takes_ten_lines():
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    for cell in NOTEBOOK["cells"]:
        assert {"cell_type", "id", "metadata", "source"} <= cell.keys()
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
    assert len({cell["id"] for cell in NOTEBOOK["cells"]}) == len(NOTEBOOK["cells"])
    assert len(CODE[1].strip().splitlines()) == 10


def test_its_cells_draw_the_numbers_of_figure_4(finished, monkeypatch):
    matplotlib.use("agg")
    (finished.folder / "results/tiny/locality.parquet").stat()
    monkeypatch.chdir(finished.folder / "configs")  # beside the results, as docs/ is
    setup = CODE[0].replace('"../results/demo", "edges"', '"../results/tiny", "photos"')
    assert setup != CODE[0]
    room: dict = {}
    for code in (setup, *CODE[1:]):
        exec(compile(code, "figure4.ipynb", "exec"), room)
    numbers = pd.read_csv(finished.folder / "results/tiny/figures/fig4.csv")
    for panel, letter in zip(room["panels"], "AB", strict=True):
        lines = {line.get_label(): line.get_xydata() for line in panel.lines}
        assert lines.keys() == METHODS.keys()
        for method, look in METHODS.items():
            rows = numbers[(numbers["panel"] == letter) & (numbers["curve"] == look.label)]
            np.testing.assert_allclose(1 - lines[method][:, 0], rows["x"], atol=1e-12)
            np.testing.assert_allclose(lines[method][:, 1], rows["y"])
        assert panel.get_xlim()[0] > panel.get_xlim()[1]
    room["plt"].close(room["figure"])


def test_documents_lead_to_it():
    assert "figure4.ipynb" in (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")


pytestmark = pytest.mark.filterwarnings("error")
