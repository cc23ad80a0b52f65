"""A page in a real browser, used as a person would."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NODE = Path(__file__).parent / "node_modules"
"""What `npm ci --prefix tests/explorer` installs: a type checker, a linter, axe."""

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@dataclass
class Opened:
    """A page in the browser, and what it said and asked for."""

    page: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def drawn(self) -> str:
        """Wait until all is drawn that the address asks for; the state that is shown."""
        self.page.wait_for_function("() => !['grid', undefined].includes(document.documentElement.dataset.drawn)")
        self.page.wait_for_timeout(60)
        return self.page.evaluate("document.documentElement.dataset.drawn")

    def choose(self, name: str, value: object) -> None:
        """Use a control as a person would."""
        box = self.page.locator(f"#choose-{name}")
        if box.evaluate("box => box.matches('select')"):
            box.select_option(str(value))
        elif name == "unit":
            box.fill(str(value))
            box.press("Enter")
        else:
            box.fill(str(value))

    def shows(self, name: str) -> str:
        return self.page.locator(f"#choose-{name}").input_value()

    def hash(self) -> str:
        return self.page.evaluate("decodeURIComponent(location.hash)")

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()
