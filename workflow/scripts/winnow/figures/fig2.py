"""Figure 2: independent and principal components of the images."""

from collections.abc import Mapping

import numpy as np
from matplotlib.layout_engine import ConstrainedLayoutEngine

from winnow.figures.numbers import Drawing, keep_pictures
from winnow.figures.pictures import as_colours, draw_mosaic, tile
from winnow.figures.style import PAGE, Page, house_style, set_heading


@house_style()
def plot_fig2(components: Mapping[str, np.ndarray], shape: tuple[int, int, int], *, page: Page = PAGE) -> Drawing:
    """Draw Fig. 2: (A) the independent, (B) the principal components of the validation images.

    Each component is scaled on its own, symmetrically: zero is mid-grey, its largest absolute value black or full.

    Args:
        components: `ica` and `pca`, each (n, D).
        shape: (C, L, L), channels and side in pixels.
        page: what it is drawn for.
    """
    layout = ConstrainedLayoutEngine(wspace=0.06)
    figure = Drawing(layout=layout, figsize=page.size(3.75, 7.4))
    headings = {"ica": ("A", "ICA"), "pca": ("B", "PCA")}
    panels = figure.subplots(*((2, 1) if page.is_narrow else (1, 2)))
    for axes, (name, heading) in zip(panels, headings.items(), strict=True):
        rows = np.asarray(components[name], dtype=float)
        largest = np.abs(rows).max(axis=1, keepdims=True)
        scaled = np.divide(rows, largest, out=np.zeros_like(rows), where=largest > 0)
        draw_mosaic(axes, tile(as_colours((1 + scaled) / 2, shape)))
        set_heading(axes, *heading)
        keep_pictures(axes, [f"component {k}" for k in range(1, len(rows) + 1)], pixels=rows)
        figure.quotes.append(f"({heading[0]}) {len(rows)} components of {shape[1]} × {shape[2]} pixels.")
    page.fit_text(figure)
    return figure
