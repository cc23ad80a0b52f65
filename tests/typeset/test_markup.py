"""Tables as Markdown, LaTeX and HTML: read again, by readers that take nothing on trust, they hold what was put in."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from winnow.typeset.markup import Table, to_html, to_latex, to_markdown

NASTY = r"""a|b \ {c} $d$ & #e _f_ %g ~h ^i <j> "k" 'l' ''m'' `n` --- ,, [o] *p* \\ \hline <!-- &amp; ?` !` q­r"""
SIGNS = "−–—…×·±≤≥→σθλβρ°é"
TEXT = st.text(
    st.one_of(st.sampled_from(NASTY + SIGNS), st.characters(codec="ascii", categories=["L", "N"])), max_size=12
)


def squeezed(text: str) -> str:
    return " ".join(text.split())


def table_of(cells: list[list[str]], caption: str = "A caption.") -> Table:
    widths = [0.2] + [0.0] * (len(cells[0]) - 1)
    return Table(caption, cells[0], cells[1:], widths)


# -- readers -----------------------------------------------------------------------------------------------------------


def read_markdown(text: str) -> tuple[str, list[list[str]]]:
    """Caption and rows of a table with pipes; anything else is an error."""
    caption, empty, *lines = text.splitlines()
    assert empty == "" and text.endswith("\n")
    rows = []
    for line in lines:
        assert line.startswith("| ") and line.endswith(" |"), line
        cells = re.split(r" \| ", line[2:-2])
        rows.append([unescape(cell) for cell in cells])
    assert rows.pop(1) == ["---"] * len(rows[0])
    return unescape(caption), rows


def unescape(text: str) -> str:
    """The text that Markdown shows; what would be markup must be escaped."""
    assert not re.search(r"(?<!\\)[`*_\[\]<>|#~]", re.sub(r"\\\\", "", text)), text
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)


class HtmlTable(HTMLParser):
    """Cells of the one table of a page; elements must be closed in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self.caption = ""
        self.open: list[str] = []

    def handle_starttag(self, tag, attributes):
        assert not any(name in ("src", "href", "style") or name.startswith("on") for name, _ in attributes)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        elif self.open and self.open[-1] == "caption":
            self.caption += data

    def handle_comment(self, data):
        raise AssertionError(data)


COMMANDS = {
    "textbackslash": "\\",
    "textasciitilde": "~",
    "textasciicircum": "^",
    "textless": "<",
    "textgreater": ">",
    "textbar": "|",
    "textasciigrave": "`",
    "textendash": "–",
    "textemdash": "—",
    "ldots": "…",
    "textdegree": "°",
}
MATHS = {
    **{"-": "−", r"\times": "×", r"\cdot": "·", r"\pm": "±", r"\le": "≤", r"\ge": "≥", r"\to": "→"},
    **{r"\sigma": "σ", r"\theta": "θ", r"\lambda": "λ", r"\beta": "β", r"\rho": "ρ"},
}


def read_latex_text(text: str) -> str:
    """What LaTeX sets for a piece of text; an unknown command, a bare special character or a ligature is an error."""
    shown, rest = "", text
    while rest:
        if found := re.match(r"\\([{}$&#_%])", rest):
            shown += found[1]
        elif found := re.match(r"\\char34\{\}", rest):
            shown += '"'
        elif found := re.match(r"\\ensuremath\{([^{}]+)\}", rest):
            shown += MATHS[found[1]]
        elif found := re.match(r"\\([a-z]+)\{\}", rest):
            shown += COMMANDS[found[1]]
        elif found := re.match(r"\{\}", rest):
            pass
        elif found := re.match(r"--|,,|''|``|[?!]`|<<|>>", rest):
            raise AssertionError(f"a ligature: {rest}")
        else:
            found = re.match(r"[^\\{}$&#_%~^<>|\"`]", rest)
            assert found, f"means something to LaTeX: {rest}"
            assert found[0].isascii() or (found[0].isalpha() and found[0] not in "σθλβρ") or found[0] == "\xad", rest
            shown += found[0]
        rest = rest[found.end() :]
    return shown


def read_latex(text: str) -> tuple[str, list[list[str]]]:
    """Caption and rows of a `table`, which must be built as ours are, with as many columns everywhere."""
    lines = text.splitlines()
    assert lines[0] == r"\begin{table}" and lines[-2:] == [r"\end{tabular}", r"\end{table}"]
    caption = re.fullmatch(r"\\caption\{(.*)\}", lines[1])[1]
    assert lines[2] in (r"\raggedright\footnotesize", r"\raggedright\scriptsize\setlength{\tabcolsep}{2pt}")
    columns = re.fullmatch(r"\\begin\{tabular\}\{@\{\}((?:l|p\{[\d.]+\\linewidth\})+)@\{\}\}", lines[3])[1]
    n = len(re.findall(r"l(?!inewidth)|p\{", columns))
    body = lines[4:-2]
    assert body[0] == body[2] == body[-1] == r"\hline" and body.count(r"\hline") == 3
    rows = []
    for line in [body[1], *body[3:-1]]:
        end = re.search(r" \\tabularnewline(\[1pt\])?$", line)
        assert end and not re.match(r"[\[*]", line), line
        cells = re.split(r"(?<!\\) & ", line[: end.start()])
        assert len(cells) == n
        rows.append([read_latex_text(cell.removeprefix(r"\raggedright ")) for cell in cells])
    return read_latex_text(caption), rows


# -- what was put in is read again -------------------------------------------------------------------------------------

TABLES = st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(TEXT, min_size=n, max_size=n), min_size=1, max_size=4))


@settings(max_examples=examples(60), deadline=None)
@given(TABLES)
def test_latex_shows_what_was_put_in(cells):
    assert read_latex(to_latex(table_of(cells, NASTY)))[1] == [[squeezed(cell) for cell in row] for row in cells]


@settings(max_examples=examples(60), deadline=None)
@given(TABLES)
def test_html_shows_what_was_put_in(cells):
    page = HtmlTable()
    page.feed(to_html(table_of(cells, NASTY)))
    page.close()
    assert page.rows == cells and page.caption == NASTY and page.open == []


@settings(max_examples=examples(60), deadline=None)
@given(TABLES)
def test_markdown_shows_what_was_put_in(cells):
    caption, rows = read_markdown(to_markdown(table_of(cells, NASTY)))
    assert rows == [[squeezed(cell) for cell in row] for row in cells] and caption == squeezed(NASTY)


def test_a_table_that_no_page_holds_is_cut_in_latex():
    table = Table("What.", ["a", "b"], [[str(k), "x"] for k in range(7)], [0, 0.3], 3)
    text = to_latex(table)
    assert "\\raggedright x" in text and "\\raggedright 0" not in text
    parts = [part + "\\end{table}" for part in text.split("\\end{table}\n") if part]
    read = [read_latex(part) for part in parts]
    assert [caption for caption, _ in read] == ["What.", "What, continued.", "What, continued."]
    assert [row for _, rows in read for row in rows[1:]] == table.rows and [len(rows) for _, rows in read] == [4, 4, 2]


def test_all_that_is_nasty_at_once():
    cells = [["[a", "*b"], [NASTY, SIGNS], ["", "two\nlines"]]
    expected = [[squeezed(cell) for cell in row] for row in cells]
    assert read_latex(to_latex(table_of(cells)))[1] == expected
    assert read_markdown(to_markdown(table_of(cells)))[1] == expected


@pytest.mark.parametrize("text", ["a & b", "50 %", "x_1", r"\alpha", "a--b", "{", 'say "a"', "≥"])
def test_the_reader_of_latex_is_strict(text):
    with pytest.raises((AssertionError, KeyError)):
        read_latex_text(text)


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="as many as headings"):
        Table("c", ["a", "b"], [["1"]], [0, 0])
