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
    "≠": r"\ensuremath{\ne}",
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
        on_a_page: rows that fit on a page in LaTeX, where a table cannot be broken; 0 for all.
    """

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    widths: Sequence[float]
    on_a_page: int = 0

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
    """The table as LaTeX's `table` with a `tabular`, several where one is too high for a page: no package is needed."""
    step = table.on_a_page or max(len(table.rows), 1)
    parts = [table.rows[k : k + step] for k in range(0, max(len(table.rows), 1), step)]
    return "".join(_latex_part(table, rows, ", continued" if k else "") for k, rows in enumerate(parts))


def _latex_part(table: Table, rows: Sequence[Sequence[str]], added: str) -> str:
    """Some rows, with the caption and something added to it."""
    is_wide = len(table.headings) > 5
    columns = "".join(rf"p{{{width:g}\linewidth}}" if width else "l" for width in table.widths)
    head, *lines = [
        # Narrow columns have ragged lines, told cell by cell: the packages that tell a column are not needed so.
        " & ".join(
            r"\raggedright " * bool(width) + _in_latex(cell) for cell, width in zip(row, table.widths, strict=True)
        )
        + (r" \tabularnewline[1pt]" if is_wide else r" \tabularnewline")
        for row in (table.headings, *rows)
    ]
    small = r"\scriptsize\setlength{\tabcolsep}{2pt}" if is_wide else r"\footnotesize"
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{_in_latex(table.caption.removesuffix('.') + added + '.' * table.caption.endswith('.'))}}}",
            rf"\raggedright{small}",
            *(rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}", r"\hline", head, r"\hline", *lines, r"\hline"),
            *(r"\end{tabular}", r"\end{table}", ""),
        ]
    )


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
