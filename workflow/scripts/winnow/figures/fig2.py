"""Figure 2: independent and principal components of the images."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from winnow.figures.pictures import as_colours, draw_mosaic, tile
from winnow.figures.style import PAGE_WIDTH, house_style, set_heading


@house_style()
def plot_fig2(components: Mapping[str, np.ndarray], shape: tuple[int, int, int]) -> Figure:
    """Draw Fig. 2: (A) the independent, (B) the principal components of the validation images.

    Each component is scaled on its own, symmetrically: zero is mid-grey, its largest absolute value black or full.

    Args:
        components: `ica` and `pca`, each (n, D).
        shape: (C, L, L), channels and side in pixels.
    """
    layout = ConstrainedLayoutEngine(wspace=0.06)
    figure = Figure(layout=layout, figsize=(PAGE_WIDTH, 3.75))
    headings = {"ica": ("A", "ICA"), "pca": ("B", "PCA")}
    panels = figure.subplots(1, 2)
    for axes, (name, heading) in zip(panels, headings.items(), strict=True):
        rows = np.asarray(components[name], dtype=float)
        largest = np.abs(rows).max(axis=1, keepdims=True)
        scaled = np.divide(rows, largest, out=np.zeros_like(rows), where=largest > 0)
        draw_mosaic(axes, tile(as_colours((1 + scaled) / 2, shape)))
        set_heading(axes, *heading)
    return figure
