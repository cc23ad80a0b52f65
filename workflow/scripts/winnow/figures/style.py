"""The style that all figures share: sizes, fonts and colours for print, and how a figure becomes a file.

Colours are those of Okabe & Ito, which remain distinct under the common colour blindnesses; line style and marker
repeat the distinction, so that it also survives a grey printer.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.typing import RcKeyType

from winnow.figures.numbers import Drawing, quoted, tabulate
from winnow.store.atomic import write_bytes

PAGE_WIDTH = 7.0
"""Width of a figure over both columns of a page, in inches."""

_COLUMN_WIDTH = 3.5
"""Width that layouts for one column are made for."""

_NARROW = 5.0
"""Below this width figures have the layout for one column: panels that stand side by side then stand in a column."""

PNG_DPI = 200
PDF_IMAGE_DPI = 400
"""Resolution of pictures inside a PDF: high, because viewers blur the pixels of an image that they magnify."""


@dataclass(frozen=True)
class Page:
    """What a figure is drawn for: a width, in inches, and what follows from it."""

    width: float = PAGE_WIDTH

    @classmethod
    def of_millimetres(cls, width: float) -> "Page":
        """A page of a width in millimetres, as in the configuration."""
        return cls(round(width / 25.4, 6))

    @property
    def is_narrow(self) -> bool:
        """Whether panels that stand side by side on a page must stand in a column."""
        return self.width < _NARROW

    @property
    def zoom(self) -> float:
        """The width relative to the one that the layout is made for."""
        return self.width / (_COLUMN_WIDTH if self.is_narrow else PAGE_WIDTH)

    def size(self, height: float, height_if_narrow: float | None = None) -> tuple[float, float]:
        """Width and height in inches of a figure whose layout for a page, and for a column, is as high as this."""
        return self.width, self.zoom * (height_if_narrow if self.is_narrow and height_if_narrow else height)

    def fit_text(self, figure: Figure) -> None:
        """Make all text smaller, where the page is narrower than the layout is made for; to be called at the end."""
        if self.zoom >= 1:
            return
        # Ticks are made when they are needed: theirs is a setting of the axis, which those that are there follow.
        axes = [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]
        sizes = [float(axis.get_major_ticks(1)[0].label1.get_fontsize()) for axis in axes]
        for text in figure.findobj(Text):
            text.set_fontsize(self.zoom * float(text.get_fontsize()))
        for axis, size in zip(axes, sizes, strict=True):
            axis.set_tick_params(labelsize=self.zoom * size)


PAGE = Page()
"""A page as wide as both columns, for which figures are drawn by default."""


@dataclass(frozen=True)
class Look:
    """How one curve is drawn and what the legend calls it."""

    label: str
    colour: str
    linestyle: str | tuple[int, tuple[int, ...]]
    marker: str


METHODS = {
    "imp": Look("IMP", "#000000", "-", "o"),
    "oneshot": Look("oneshot", "#0072B2", "--", "s"),
    "random": Look("random", "#D55E00", ":", "^"),
}
"""The pruning methods in the order of the legends."""

ACCENT = "#CC79A7"
REFERENCE = "#666666"
"""Grey of reference lines, such as the kurtosis of a Gaussian."""

SHUFFLED = Look("IMP, shuffled in units", REFERENCE, (0, (4, 1, 1, 1)), "x")
"""The null of the methods: IMP's masks with each unit's weights at other places."""

_OTHERS = [
    (colour, line, marker)
    for line, markers in (("-", "DvP<*"), ("--", ">Xphd"), (":", "8Hs^o"))
    for marker, colour in zip(markers, ("#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D1F"), strict=True)
]


def looks(methods: Sequence[str]) -> dict[str, Look]:
    """How each of any methods is drawn: the paper's as everywhere, the others by their order; 15 of them differ.

    Args:
        methods: by name, in the order of the legend.
    """
    known = {**METHODS, "imp_shuffled_unit": SHUFFLED}
    others = [method for method in methods if method not in known]
    drawn = {method: Look(method, *_OTHERS[k % len(_OTHERS)]) for k, method in enumerate(others)}
    return {method: known.get(method) or drawn[method] for method in methods}


CLONE = Look("Gaussian clone, IMP", "#009E73", "-.", "D")

SETTINGS: dict[RcKeyType, object] = {
    "figure.figsize": (PAGE_WIDTH, 2.8),
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 3,
    "pdf.fonttype": 42,
    "savefig.facecolor": "white",
}


@contextmanager
def house_style() -> Iterator[None]:
    """The settings of matplotlib for all figures, as a context or a decorator; nothing global is left changed.

    The user's own matplotlibrc has no effect: the same tables give the same figure everywhere.
    """
    defaults = {key: value for key, value in matplotlib.rcParamsDefault.items() if not key.startswith("backend")}
    with matplotlib.rc_context({**defaults, **SETTINGS}):
        yield


def set_heading(axes: Axes, letter: str, text: str = "", *, is_small: bool = False) -> None:
    """Write the panel's letter, bold, and beside it what it shows: in a small panel smaller, and at the right end."""
    axes.set_title(letter, loc="left", fontweight="bold", fontsize=9)
    if is_small:
        axes.set_title(text, loc="right", fontsize=7)
    else:
        axes.set_title(text, loc="center")


def write_note(axes: Axes, text: str) -> None:
    """Say in the middle of a panel why something is not drawn."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=7, color=REFERENCE)


def made_of(made_by: Mapping[str, str] | None, path: str | Path) -> dict[str, str]:
    """What made a file, by name: as for all figures, but for `command`, which gets the file's own path behind it."""
    return {name: f"{text} {path}" if name == "command" else text for name, text in (made_by or {}).items()}


def save_figure(figure: Drawing, *paths: str | Path, made_by: Mapping[str, str] | None = None) -> None:
    """Write a figure, its numbers and what its caption quotes of them to each path, as its suffix says.

    The same figure gives the same bytes: the layout is settled once, before the first file, and no date is written.
    Fonts are embedded as TrueType.

    Args:
        figure: the figure.
        paths: files ending in .pdf or .png; in .csv, for the numbers that it shows; in .rst, for its caption.
        made_by: what made the figure, by name; it goes into the PDF's description and the PNG's texts, `command` with
            the file's own path behind it.

    Raises:
        ValueError: a path has another suffix.
    """
    for path in paths:
        if Path(path).suffix not in (".pdf", ".png", ".csv", ".rst"):
            raise ValueError(f"{path}: figures are written as .pdf or .png, with .csv and .rst: name the file so")
    with house_style():
        if figure.get_layout_engine() is not None:
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
        for path in paths:
            content = io.BytesIO()
            made = made_of(made_by, path)
            match Path(path).suffix:
                case ".pdf":  # without a creation date; a PNG has none
                    described = {"Subject": "\n".join(f"{name}: {text}" for name, text in made.items())} if made else {}
                    figure.savefig(
                        content, format="pdf", dpi=PDF_IMAGE_DPI, metadata={"CreationDate": None, **described}
                    )
                case ".png":
                    figure.savefig(content, format="png", dpi=PNG_DPI, metadata=made)
                case ".csv":
                    content.write(tabulate(figure).encode())
                case ".rst":
                    content.write(quoted(figure).encode())
            write_bytes(path, content.getvalue())
