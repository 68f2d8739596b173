"""What a command says, and where: answers to stdout, everything else to stderr."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from typing import Any

from rich.console import Console


@dataclass(frozen=True, slots=True)
class Output:
    """The words of one command.

    Args:
        as_json: stdout gets one JSON object and nothing else.
        quiet: only warnings and errors are said.
    """

    as_json: bool = False
    quiet: bool = False

    @property
    def errors(self) -> Console:
        """The console of stderr, where progress is drawn."""
        return Console(stderr=True, markup=False, highlight=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Say what a person must know, on stderr."""
        self.errors.print(plain(text))

    def note(self, text: str) -> None:
        """Say what helps, on stderr."""
        if not self.quiet:
            self.errors.print(plain(text))

    def line(self, text: str) -> None:
        """Give a line of the answer, on stdout."""
        if not (self.as_json or self.quiet):
            Console(markup=False, highlight=False, soft_wrap=True).print(plain(text))

    def document(self, content: Any) -> None:
        """Give the answer as JSON, where JSON was asked for."""
        if self.as_json:
            sys.stdout.write(json.dumps(content, indent=2, allow_nan=False) + "\n")


def plain(text: str) -> str:
    """A stranger's text without characters that a terminal obeys."""
    return "".join(character if character.isprintable() or character == "\n" else " " for character in text)


def defined(content: Any) -> Any:
    """What JSON can hold: null for a number that is not defined."""
    if isinstance(content, dict):
        return {str(key): defined(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [defined(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
