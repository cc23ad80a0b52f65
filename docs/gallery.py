"""Make docs/gallery.md and its pictures of an experiment's results: `python docs/gallery.py`.

It takes results/demo, the default experiment, or the folder that is named, and writes beside itself, or to `--to`.
"""

import argparse
import re
import textwrap
from pathlib import Path

from PIL import Image

WIDTH = 840
"""Pixels: about as wide as a page of documents is shown."""

COLOURS = 128

TITLES = {
    "fig1": "Masks of first-layer units",
    "fig2": "Components of the images",
    "fig3": "IMP on a Gaussian clone of the data",
    "fig4": "Width and kurtosis against sparsity",
    "fig5": "Cavity scores, and their controls",
    "fig6": "Accuracy, and the pair correlation of the masks",
    "fig7": "All methods at a glance",
    "fig8": "Dose and response",
    "fig9": "Which claims depend on which choice",
    "fig10": "What deeper layers see",
}


def shrink(source: Path, target: Path) -> None:
    """A picture as wide as `WIDTH` at most, in few colours; as it is, if it takes less room so.

    Args:
        source: a PNG.
        target: where the small one goes.
    """
    with Image.open(source) as picture:
        small = picture.convert("RGB")
        if small.width > WIDTH:
            small = small.resize((WIDTH, round(WIDTH * small.height / small.width)), Image.Resampling.LANCZOS)
        few = small.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        target.parent.mkdir(parents=True, exist_ok=True)
        few.save(target, "PNG", optimize=True)
    if source.stat().st_size < target.stat().st_size:
        target.write_bytes(source.read_bytes())


def in_markdown(quotes: str) -> str:
    """What a figure's caption quotes of the run, which is reStructuredText."""
    text = re.sub(r"\\(.)", r"\1", quotes.replace("``", "`")).strip()
    return "*" + text.removeprefix("*This run*: ") + "*" if text.startswith("*This run*") else text


def wrapped(text: str) -> list[str]:
    """Lines of 120 characters at most."""
    return textwrap.wrap(text, 120, break_long_words=False, break_on_hyphens=False)


def make_gallery(results: Path, to: Path) -> None:
    """Write gallery.md and images/gallery/.

    Args:
        results: an experiment's folder, complete.
        to: the folder of documents.

    Raises:
        SystemExit: there are no figures.
    """
    figures = sorted((results / "figures").glob("fig*.png"))
    if not figures:
        raise SystemExit(f"{results}: there are no figures; run snakemake first")
    name = results.name
    experiment = "the default experiment" if name == "demo" else f"the experiment {name}"
    lines = [
        "# Gallery",
        "",
        *wrapped(
            f"What {experiment} draws. `python docs/gallery.py` makes this page of `results/{name}/`; the numbers "
            "under each picture are those that the run wrote beside it, and other processors, which round in other "
            "ways, give others. What a figure shows, panel by panel, is in the report's captions "
            "(`snakemake --report report.html`); what the results mean, in [findings.md](findings.md)."
        ),
        "",
    ]
    for figure in figures:
        number, title = figure.stem.removeprefix("fig"), TITLES[figure.stem]
        shrink(figure, to / "images" / "gallery" / figure.name)
        quotes = in_markdown(figure.with_suffix(".rst").read_text(encoding="utf-8"))
        lines += [f"## Figure {number}: {title}", "", f"![{title}](images/gallery/{figure.name})", ""]
        lines += [*wrapped(quotes), ""]
    if (results / "explorer.png").exists():
        shrink(results / "explorer.png", to / "images" / "gallery" / "explorer.png")
        lines += ["## The explorer", "", "![All units' masks](images/gallery/explorer.png)", ""]
        lines += ["All units' masks; the page itself is `explorer.html` ([explorer.md](explorer.md)).", ""]
    claims = (results / "tables" / "claims.md").read_text(encoding="utf-8")
    caption, _, table = claims.strip().partition("\n\n")
    lines += ["## Claims", "", *wrapped(caption), "", table, ""]
    (to / "gallery.md").write_text("\n".join(lines), encoding="utf-8")


def main() -> None:
    """Read the command's arguments, and make the page."""
    parser = argparse.ArgumentParser(description="Make docs/gallery.md of an experiment's results.")
    parser.add_argument("results", nargs="?", type=Path, default=Path("results/demo"), help="the experiment's folder")
    parser.add_argument("--to", type=Path, default=Path(__file__).parent, help="the folder of the documents")
    arguments = parser.parse_args()
    make_gallery(arguments.results, arguments.to)


if __name__ == "__main__":
    main()
