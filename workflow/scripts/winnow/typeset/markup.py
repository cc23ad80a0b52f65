"""A table of texts as Markdown, LaTeX and HTML: whatever is in a cell is shown as it is, and is no markup."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "`": r"\textasciigrave{}",
    "−": r"\ensuremath{-}",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "…": r"\ldots{}",
    "×": r"\ensuremath{\times}",
    "·": r"\ensuremath{\cdot}",
    "±": r"\ensuremath{\pm}",
    "≤": r"\ensuremath{\le}",
    "≥": r"\ensuremath{\ge}",
    "→": r"\ensuremath{\to}",
    "σ": r"\ensuremath{\sigma}",
    "θ": r"\ensuremath{\theta}",
    "λ": r"\ensuremath{\lambda}",
    "β": r"\ensuremath{\beta}",
    "ρ": r"\ensuremath{\rho}",
    "°": r"\textdegree{}",
}
"""What stands for a character that means something to LaTeX, or that its fonts may lack.

Letters with accents stay as they are.  LaTeX of 2020 or later reads all of it.
"""

_STYLE = (
    "body{font:14px/1.4 system-ui,sans-serif;margin:1em;color:#111;background:#fff}"
    "table{border-collapse:collapse}caption{text-align:left;padding-bottom:.6em}"
    "th,td{text-align:left;vertical-align:top;padding:.3em .8em .3em 0;border-bottom:1px solid #bbb}"
    "thead th{border-bottom:2px solid #111}td{font-variant-numeric:tabular-nums}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}thead th{border-color:#eee}}"
)


@dataclass(frozen=True)
class Table:
    """Texts in rows.

    Attributes:
        caption: what it shows, a sentence.
        headings: one a column.
        rows: as many cells each as there are headings.
        widths: of the columns in LaTeX, as shares of the line; 0 for a column as wide as its longest text.
    """

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    widths: Sequence[float]

    def __post_init__(self) -> None:
        n = len(self.headings)
        if len(self.widths) != n or any(len(row) != n for row in self.rows):
            raise ValueError(f"{self.caption}: every row, and the widths, must have {n} entries, as many as headings")


def to_markdown(table: Table) -> str:
    """The table as Markdown (pipes), its caption above."""
    lines = [table.headings, ["---"] * len(table.headings), *table.rows]
    escaped = [[_in_markdown(cell) if k != 1 else cell for cell in row] for k, row in enumerate(lines)]
    return f"{_in_markdown(table.caption)}\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in escaped)


def _in_markdown(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#|~&!])", r"\\\1", " ".join(text.split()))


def to_latex(table: Table) -> str:
    """The table as LaTeX's `table` with a `tabular`: no package is needed."""
    columns = "".join(rf"p{{{width:g}\linewidth}}" if width else "l" for width in table.widths)
    head, *rows = [" & ".join(map(_in_latex, row)) + r" \\" for row in (table.headings, *table.rows)]
    lines = [
        r"\begin{table}",
        rf"\caption{{{_in_latex(table.caption)}}}",
        r"\raggedright\footnotesize\setlength{\tabcolsep}{3pt}",
    ]
    lines += [rf"\begin{{tabular}}{{{columns}}}", r"\hline", head, r"\hline", *rows, r"\hline"]
    return "\n".join([*lines, r"\end{tabular}", r"\end{table}", ""])


def _in_latex(text: str) -> str:
    escaped = "".join(_LATEX.get(character, character) for character in " ".join(text.split()))
    escaped = re.sub(r"([-,'])(?=\1)", r"\1{}", escaped)  # two in a row would be a dash or a quotation mark
    return "{}" + escaped if escaped.startswith(("[", "*")) else escaped  # behind the end of a row they mean something


def to_html(table: Table) -> str:
    """The table as a page of its own, which asks for nothing."""
    head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in table.headings)
    rows = "".join("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>\n" for row in table.rows)
    caption = html.escape(table.caption)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{caption}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<table>\n<caption>{caption}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</body>\n</html>\n"
    )


WRITERS = {"md": to_markdown, "tex": to_latex, "html": to_html}
"""By the suffix of the file."""
