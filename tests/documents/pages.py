"""The documents' sections and blocks of code, and what is done with them in a copy of the project."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from project import ROOT, Project

DOCUMENTS = ["README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, and the lines within."""

    kind: str
    code: str


def read(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def split(text: str) -> list[tuple[int, str, str]]:
    """Level, title and text of each section, without its subsections; headings within blocks are none."""
    sections, fenced = [(0, "", "")], False
    for line in text.splitlines(keepends=True):
        fenced ^= line.startswith("```")
        heading = None if fenced else re.match(r"(#+) (.*)\n", line)
        if heading:
            sections.append((len(heading[1]), heading[2], ""))
        else:
            level, title, body = sections[-1]
            sections[-1] = (level, title, body + line)
    return sections


def section(document: str, title: str) -> str:
    (found,) = [body for _, name, body in split(read(document)) if name == title]
    return found


def blocks(text: str, kind: str | None = None) -> list[Block]:
    found = [Block(*match) for match in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)]
    return [block for block in found if kind in (None, block.kind)]


def apply(project: Project, text: str) -> None:
    """Write the files of blocks whose first line is a comment `append to PATH` or `new file PATH`."""
    for block in blocks(text):
        found = re.match(r"# (append to|new file) (\S+)\n", block.code)
        if found:
            path = project.folder / found[2]
            path.parent.mkdir(parents=True, exist_ok=True)
            body = block.code[found.end() :]
            path.write_text(path.read_text() + "\n\n" + body if found[1] == "append to" else body)


def snakemake_calls(text: str) -> list[list[str]]:
    """The arguments of all calls of Snakemake in `sh` blocks, up to a pipe."""
    code = "".join(block.code for block in blocks(text, "sh")).replace("\\\n", " ")
    words = [shlex.split(line, comments=True) for line in code.splitlines()]
    return [call[1 : call.index("|") if "|" in call else None] for call in words if call[:1] == ["snakemake"]]


def on_tiny(text: str) -> str:
    """A document's text about the default experiment, said of the tiny one."""
    return re.sub(r"\bedges\b", "photos", text.replace("results/demo", "results/tiny"))


def run_calls(project: Project, text: str, *more: str) -> None:
    """Run the calls of Snakemake on the tiny experiment."""
    calls = snakemake_calls(text)
    assert calls
    for call in calls:
        project.snakemake(*(on_tiny(word) for word in call), *more)


def own_images(folder: Path) -> Path:
    """A configuration of the README's for one's own photographs, whose folder is there."""
    (block,) = blocks(section("README.md", "Your own images"), "yaml")
    photographs = folder / "path/to/photographs"
    photographs.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    Image.fromarray(pixels).save(photographs / "noise.png")
    (folder / "mine.yaml").write_text(block.code)
    return folder / "mine.yaml"
