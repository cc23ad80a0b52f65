"""A picture at a terminal's foot, above which everything else goes by.

Jobs write to the same terminal, in the midst of the picture, if they are let.  So what this process and all that it
starts write to standard output and error goes through a pipe as long as there is a picture, and is printed above it.
"""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.segment import Segments
from rich.text import Text

from winnow.progress.run import Run
from winnow.progress.view import View


class Screen:
    """Keeps the picture.

    Args:
        run: the run.
        stream: the terminal: standard error.
        color: whether to use colours.
    """

    def __init__(self, run: Run, stream: TextIO, *, color: bool = True):
        self._run = run
        self._terminal = os.fdopen(os.dup(stream.fileno()), "w", encoding=stream.encoding, errors="replace")
        # The size is asked of the terminal below: rich would ask standard input, which may be none.
        self._console = Console(
            file=self._terminal, force_terminal=True, no_color=not color, width=80, height=24, highlight=False
        )
        self._fit()
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._pipe = _Pipe(self._above, stream)
        self._live.start()
        self._console.show_cursor(True)  # who is killed cannot bring it back
        self.tell()

    def message(self, text: str) -> None:
        """Print above the picture."""
        self._above(text.strip("\n"))

    def _above(self, text: str) -> None:
        self._console.print(Text.from_ansi(text), soft_wrap=True)

    def tell(self) -> None:
        """Draw the run as it is now."""
        self._run.news.clear()
        self._fit()
        # Drawn here and now, not whenever a line is printed above it: that is another thread, and the run goes on.
        drawn = self._console.render(View(self._run), self._console.options)
        self._live.update(Segments(list(drawn)), refresh=True)

    def _fit(self) -> None:
        with suppress(OSError):
            size = os.get_terminal_size(self._terminal.fileno())
            if size.columns and size.lines:
                self._console.size = (size.columns, size.lines)

    def close(self) -> None:
        """Leave the picture as it is in the end, and the terminal to others."""
        self._pipe.close()
        self.tell()
        self._live.stop()
        self._terminal.close()


class _Pipe:
    """Standard error, and standard output where it is a terminal, go to `above` line by line."""

    def __init__(self, above: Callable[[str], None], stream: TextIO):
        self._above = above
        sys.stdout.flush()
        stream.flush()
        files = [stream.fileno()]
        with suppress(OSError, ValueError):  # it may be closed, or not be a file
            if os.isatty(sys.stdout.fileno()) and sys.stdout.fileno() not in files:
                files.append(sys.stdout.fileno())
        self._kept = {file: os.dup(file) for file in files}
        self._end, write = os.pipe()
        for file in files:
            os.dup2(write, file)
        os.close(write)
        self._n_read = 0
        self._thread = threading.Thread(target=self._pass_on, name="progress: above", daemon=True)
        self._thread.start()

    def _pass_on(self) -> None:
        rest = b""
        while new := os.read(self._end, 1 << 16):
            whole, _, rest = (rest + new).rpartition(b"\n")
            self._print(whole)
            self._n_read += len(new)
        self._print(rest)
        os.close(self._end)

    def _print(self, text: bytes) -> None:
        if text:
            with suppress(Exception):  # the terminal may have gone; whoever writes must not wait for ever
                self._above(text.decode("utf-8", "replace"))

    def close(self) -> None:
        """Give the terminal back; what was written by then is printed first."""
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        for file, kept in self._kept.items():
            os.dup2(kept, file)
            os.close(kept)
        before = -1
        while self._thread.is_alive() and self._n_read != before:  # a job that outlives the run may hold the other end
            before = self._n_read
            self._thread.join(timeout=1.0)
