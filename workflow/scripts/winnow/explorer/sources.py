"""The page's sources, `page/`, as one text: ES modules joined in the order of their imports."""

import re
from pathlib import Path

PAGE = Path(__file__).parent / "page"

_IMPORT = re.compile(r'^import\s[^"]*?"\./([\w-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function |const |let |class )", re.MULTILINE)
_SLOT = re.compile(r"[ \t]*<!-- slot: (\w+) -->\n")


def page_text(**slots: str) -> str:
    """The page, with style, script and what else its slots ask for.

    Args:
        slots: text for each slot of `index.html` but `style` and `script`.

    Raises:
        ValueError: a slot is missing or unknown; a text would end the element that it stands in.
    """
    filled = {
        "style": f"<style>\n{_read('style.css')}</style>\n",
        "script": f'<script type="module">\n{joined_modules("main.js")}</script>\n',
        **slots,
    }
    for name, text in filled.items():
        if len(re.findall(r"</(?:script|style)", text)) != len(re.findall(r"<(?:script|style)", text)):
            raise ValueError(f"the page's {name} holds a tag that would end its element early")
    template = _read("index.html")
    if (asked := set(_SLOT.findall(template))) != filled.keys():
        raise ValueError(f"slots of index.html are not those that are filled: {sorted(asked ^ filled.keys())}")
    return _SLOT.sub(lambda slot: filled[slot[1]], template)


def joined_modules(first: str) -> str:
    """A module and all that it imports, each once and before it is used, as one module.

    Names at the top level are shared then: each is used once over all modules, which the tests hold them to.
    """
    joined: dict[str, str] = {}

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise ValueError(f"modules of the page import each other: {' -> '.join((*above, name))}")
        if name in joined:
            return
        text = _read(name)
        for other in _IMPORT.findall(text):
            add(other, (*above, name))
        joined[name] = _EXPORT.sub("", _IMPORT.sub("", text))

    add(first, ())
    return "".join(f"// {name}\n{text}" for name, text in joined.items())


def _read(name: str) -> str:
    return (PAGE / name).read_text(encoding="utf-8")
