"""Links within the documents lead to files, and to headings, that are there."""

import re

import pytest
from pages import DOCUMENTS, read, split

from project import ROOT

LINK = re.compile(r"\]\(([^)\s]+)\)")


def slug(title: str) -> str:
    """The anchor that a heading gets where Markdown is shown with its headings linked."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_resolve(document):
    prose = re.sub(r"^```.*?^```$", "", read(document), flags=re.DOTALL | re.MULTILINE)
    for target in LINK.findall(prose):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / document).parent / path if path else ROOT / document
        assert file.exists(), target
        if anchor:
            titles = [title for _, title, _ in split(file.read_text(encoding="utf-8"))]
            assert anchor in [slug(title) for title in titles], target


def test_every_page_is_in_the_readmes_list():
    linked = set(LINK.findall(read("README.md")))
    assert set(DOCUMENTS) - {"README.md"} <= linked
