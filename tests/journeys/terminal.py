"""A person at a terminal: a command in a pseudo-terminal of some width, what it shows, and what is typed."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path
from select import select
from types import TracebackType
from typing import Self

PATIENCE_SECONDS = 60.0
INTERRUPT = "\x03"
CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal:
    """`pointport` with its arguments, in a terminal."""

    def __init__(
        self, *arguments: str | Path, environment: dict[str, str], folder: Path, columns: int = 80, rows: int = 50
    ) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-c", RUN, *map(str, arguments)],
            env={**environment, "TERM": "xterm-256color"},
            cwd=folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._seen = ""

    @property
    def shown(self) -> str:
        """All that it has shown, without colours and cursor movements."""
        return CONTROLS.sub("", self._seen)

    def wait_for(self, words: str) -> Self:
        """Wait until it has shown something."""
        return self.wait_for_match(re.escape(words))

    def wait_for_match(self, pattern: str) -> Self:
        """Wait until it has shown something like that."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while re.search(pattern, self.shown) is None:
            assert time.monotonic() < deadline, f"waited in vain for {pattern!r}:\n{self.shown}"
            assert self._read(), f"it ended before it showed {pattern!r}:\n{self.shown}"
        return self

    def enter(self, text: str) -> Self:
        """Have something typed."""
        os.write(self._ours, text.encode())
        return self

    def end(self, code: int) -> str:
        """Wait until it has ended with an exit code, and return what it has shown."""
        while self._read():
            pass
        found = self._process.wait(PATIENCE_SECONDS)
        assert found == code, f"exit code {found}\n{self.shown}"
        return self.shown

    def break_off(self, code: int) -> str:
        """Press Ctrl-C at a question until it has ended with an exit code, and return what it has shown.

        Python may miss a first one: what comes just before it begins to wait for a line is looked at only after that.
        """
        pressed = 0
        while self._process.poll() is None:
            assert pressed < PATIENCE_SECONDS, f"Ctrl-C does not end it:\n{self.shown}"
            self.enter(INTERRUPT)
            pressed += 1
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
        return self.end(code)

    def _read(self) -> bool:
        """Take what is shown next; tells whether there may be more."""
        readable, _, _ = select([self._ours], [], [], PATIENCE_SECONDS)
        assert readable, f"it showed nothing more, and did not end:\n{self.shown}"
        try:
            block = os.read(self._ours, 65_536)
        except OSError:  # Nobody holds the other end any more.
            return False
        self._seen += block.decode("utf-8", "replace")
        return block != b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._ours)


RUN = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); from pointport.__main__ import main; main()"
"""Has the terminal as its own, so that Ctrl-C reaches it."""
