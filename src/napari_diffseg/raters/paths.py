"""Where things lie in a project, and which paths of a stranger's project are followed.

    images/<case>.nii.gz
    reads/<case>/<rater>/finished            empty: this rater's part of the blinded phase is over
    reads/<case>/<rater>/<session>/          001, 002 …

Names from people become slugs. Links are followed nowhere inside a project, and absolute paths only into
folders that a person confirmed.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.io.naming import slug

IMAGES = "images"
READS = "reads"
_FINISHED = "finished"


def folder_name(name: str) -> str:
    """A person's name for a rater or a case as the name of a folder."""
    return slug(name, hashlib.sha256(name.encode()).hexdigest()[:12])


def require_distinct(names: Iterable[str], what: str) -> None:
    """Make sure that each name has a folder of its own, on every system.

    Raises:
        ValueError: two do not; said so that pydantic can pass it on.
    """
    seen: dict[str, str] = {}
    for name in names:
        key = unicodedata.normalize("NFKC", folder_name(name)).casefold()
        if key in seen:
            raise ValueError(
                f"the {what} “{seen[key]}” and “{name}” would share the folder “{folder_name(name)}”"
            )
        seen[key] = name


def inside(root: Path, path: str) -> Path:
    """A path that a project's document names, inside the project.

    Raises:
        RaterProjectError: it is absolute or leaves the project by "..", or a part of it is a link.
    """
    relative = PurePosixPath(path)
    if is_absolute(path) or ".." in relative.parts or "\\" in path or "\0" in path or not relative.parts:
        raise RaterProjectError(
            f"The project names the file “{path[:200]}”, which does not lie inside it. Such a path is not "
            "followed; ask the project's owner to correct raters.json."
        )
    return own(root, *relative.parts)


def own(root: Path, *parts: str) -> Path:
    """A path inside a project, no part of which is a link.

    Raises:
        RaterProjectError: one is, so that it might lead anywhere.
    """
    path = root.resolve()
    for part in parts:
        path = path / part
        if path.is_symlink() or not path.resolve().is_relative_to(root.resolve()):
            raise RaterProjectError(
                f"{'/'.join(parts)} in {root.name} is a link, which is not followed. "
                "Put the file or folder itself there."
            )
    return path


def outside(path: str, trusted: Iterable[Path]) -> Path:
    """A referenced image.

    Args:
        path: absolute.
        trusted: folders that a person confirmed.

    Raises:
        RaterProjectError: it lies in none of them, links resolved.
    """
    found = Path(path).resolve()
    if not is_trusted(found, trusted):
        raise RaterProjectError(
            f"The project refers to {path}, and its folder was not confirmed yet. Confirm {found.parent} in "
            "the Raters dock or with “napari-diffseg raters trust”, or copy the image into the project."
        )
    return found


def is_trusted(path: Path, trusted: Iterable[Path]) -> bool:
    """Whether a path lies in a folder that a person confirmed, links resolved."""
    return any(path.resolve().is_relative_to(folder.resolve()) for folder in trusted)


def is_absolute(path: str) -> bool:
    """Whether a path is absolute here or on another system."""
    return Path(path).is_absolute() or path.startswith("/") or bool(PureWindowsPath(path).drive)


def rater_folder(root: Path, case: str, rater: str) -> Path:
    """Where a rater's sessions of a case lie, whether there are any or not."""
    return own(root, READS, folder_name(case), folder_name(rater))


def session_folder(root: Path, case: str, rater: str, session: int) -> Path:
    """Where one session lies, whether it is there or not.

    Raises:
        RaterProjectError: it is a link, or holds one.
    """
    parts = READS, folder_name(case), folder_name(rater), f"{session:03d}"
    folder = own(root, *parts)
    for path in folder.iterdir() if folder.is_dir() else ():
        own(root, *parts, path.name)
    return folder


def session_numbers(root: Path, case: str, rater: str) -> list[int]:
    """The sessions that a rater has begun, in order."""
    folder = rater_folder(root, case, rater)
    if not folder.is_dir():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if re.fullmatch(r"(?!000)[0-9]{3}", path.name))


def finished_marker(root: Path, case: str, rater: str) -> Path:
    """An empty file whose presence says that the rater's part of the blinded phase is over.

    That others may tell without opening anything that the rater wrote.
    """
    return own(root, READS, folder_name(case), folder_name(rater), _FINISHED)
