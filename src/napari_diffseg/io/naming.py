"""Names of people's things as names of files."""

from __future__ import annotations

import re
from collections.abc import Container

_LONGEST = 80


def slug(name: str, otherwise: str) -> str:
    """The name with a hyphen for everything that some file system refuses.

    Args:
        name: as a person wrote it.
        otherwise: where nothing is left of it.
    """
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")[:_LONGEST] or otherwise


def unused(name: str, taken: Container[str]) -> str:
    """The name, or with "-2", "-3" … after it the first that is not taken."""
    found, number = name, 2
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found
