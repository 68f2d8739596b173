"""The checkpoints there are: those that ship and those in the user's folders. Torch-free."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from napari_diffseg.checkpoints.document import Document, read_document
from napari_diffseg.errors import CheckpointError

BUNDLED = Path(__file__).parent / "bundled"


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One checkpoint file: its document, or the reason why it cannot be used."""

    path: Path
    document: Document | None
    problem: str = ""

    @property
    def name(self) -> str:
        """As the document calls it, or else the file's name."""
        return self.document.name if self.document else self.path.stem


def user_folder() -> Path:
    """Where a person's own checkpoints are looked for; need not exist."""
    return Path(platformdirs.user_data_dir("napari-diffseg", appauthor=False)) / "checkpoints"


def catalogue(folders: Iterable[Path] = ()) -> list[CatalogueEntry]:
    """Every checkpoint now, the bundled first; files are looked at anew at each call.

    Args:
        folders: beside the bundled one and the user's.
    """
    files = [
        path
        for folder in (BUNDLED, user_folder(), *folders)
        if folder.is_dir()
        for path in sorted(folder.glob("*.safetensors"))
    ]
    return [describe(path) for path in dict.fromkeys(files)]


def describe(path: Path) -> CatalogueEntry:
    """The entry of one file."""
    try:
        return CatalogueEntry(path, read_document(path))
    except CheckpointError as error:
        return CatalogueEntry(path, None, str(error))


def find(name_or_path: str, folders: Iterable[Path] = ()) -> Path:
    """The file of a checkpoint given by its name or its path.

    Raises:
        CheckpointError: there is none of that name, and no such file.
    """
    entries = catalogue(folders)
    for entry in entries:
        if entry.name == name_or_path:
            return entry.path
    path = Path(name_or_path)
    if path.is_file():
        return path
    known = ", ".join(entry.name for entry in entries if entry.document) or "none"
    raise CheckpointError(
        f"There is no checkpoint “{name_or_path}”: it is neither a file nor one of the names known here "
        f"({known}). Give the path of a .safetensors file."
    )
