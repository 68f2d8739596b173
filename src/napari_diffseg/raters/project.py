"""A rater project: a plain folder that several people annotate in, blind to one another.

raters.json                        title, classes, raters, protocol, form, cases; its owner's alone
images/                            scans that were copied here
reads/<case>/<rater>/<session>/    one read; a rater writes in folders of their own alone
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.io.nifti import StrPath, read_channels
from napari_diffseg.raters import paths
from napari_diffseg.raters.document import made, read_document, unsaved, write_document
from napari_diffseg.raters.project_document import (
    PROJECT,
    CaseEntry,
    CaseImage,
    ProjectDocument,
    Protocol,
)
from napari_diffseg.raters.rating_form import PLAIN_FORM, RatingForm
from napari_diffseg.results.result import ClassInfo
from napari_diffseg.volume.scan import Scan

_ADVICE = "Put back raters.json as its owner has it, or choose another folder."


@dataclass(frozen=True, slots=True)
class Project:
    """An open project; what changes it gives a new one.

    Args:
        root: its folder.
        document: what raters.json says.
        trusted: folders outside it from which images may be read.
    """

    root: Path
    document: ProjectDocument
    trusted: tuple[Path, ...] = ()

    def case(self, name: str) -> CaseEntry:
        """The case of this name.

        Raises:
            RaterProjectError: there is none.
        """
        for entry in self.document.cases:
            if entry.name == name:
                return entry
        raise RaterProjectError(f"“{name}” is no case of “{self.document.title}”. Choose one of its cases.")

    def raters_of(self, case: str) -> tuple[str, ...]:
        """Who reads a case, in the project's order.

        Raises:
            RaterProjectError: there is no such case.
        """
        chosen = self.case(case).raters
        return tuple(rater for rater in self.document.raters if not chosen or rater in chosen)

    def require_rater(self, case: str, rater: str) -> None:
        """Make sure that somebody reads a case.

        Raises:
            RaterProjectError: they do not, or there is no such case.
        """
        if rater not in self.raters_of(case):
            raise RaterProjectError(
                f"“{rater}” does not read {case} in “{self.document.title}”. Choose another name, or ask the "
                "project's owner to add this one."
            )

    def image_paths(self, case: str) -> dict[str, Path]:
        """Where a case's channels lie.

        Raises:
            RaterProjectError: there is no such case, a path leaves the project, or lies in a folder that is
                not trusted.
        """
        return {image.channel: self._path(image) for image in self.case(case).images}

    def scan(self, case: str) -> Scan:
        """The case's scan, all channels.

        Raises:
            RaterProjectError: as `image_paths`, or a file is missing or not the one that was added.
            ScanError: a file cannot be read as a scan.
            GridMismatchError: the channels do not lie on one grid.
        """
        found = self.image_paths(case)
        for image in self.case(case).images:
            if checksum(found[image.channel]) != image.sha256:
                raise RaterProjectError(
                    f"The image {image.path} of case {case} is not the one that was added to the project: "
                    "its checksum differs. Put the original file back."
                )
        return read_channels(found)

    def untrusted(self) -> tuple[Path, ...]:
        """Folders outside, not trusted yet, that images are referenced in: for a person to confirm."""
        named = {
            Path(i.path).parent for c in self.document.cases for i in c.images if paths.is_absolute(i.path)
        }
        return tuple(sorted(folder for folder in named if not paths.is_trusted(folder, self.trusted)))

    def _path(self, image: CaseImage) -> Path:
        if paths.is_absolute(image.path):
            return paths.outside(image.path, self.trusted)
        return paths.inside(self.root, image.path)


def create_project(
    root: StrPath,
    *,
    title: str,
    labels: Iterable[ClassInfo],
    raters: Iterable[str],
    protocol: Protocol | None = None,
    form: RatingForm = PLAIN_FORM,
    notes: Iterable[str] = (),
) -> Project:
    """A new project without cases.

    Args:
        root: a folder that is not there yet, or is empty.
        title: as people know the project.
        labels: foreground classes; label k is the k-th.
        raters: names as people write them.
        protocol: how they work.
        form: what they may mark, and the questions.
        notes: what everybody who uses the reads should know.

    Raises:
        RaterProjectError: the folder holds something, a name is impossible, or it cannot be written.
    """
    root = Path(root)
    content = {
        "id": uuid.uuid4().hex,
        "title": title,
        "labels": tuple(labels),
        "raters": tuple(raters),
        "protocol": protocol or Protocol(),
        "form": form,
        "notes": tuple(notes),
    }
    document = made(ProjectDocument, "The project", content)
    try:
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise RaterProjectError(f"{root} is there already and not an empty folder. Choose another one.")
        for folder in (paths.IMAGES, paths.READS):
            (root / folder).mkdir(parents=True)
    except OSError as error:
        raise unsaved(root, error) from error
    write_document(root / PROJECT, document)
    return Project(root.resolve(), document)


def open_project(root: StrPath, *, trusted: Iterable[StrPath] = ()) -> Project:
    """A project as it is on the disk.

    Args:
        root: its folder, or raters.json in it.
        trusted: folders outside it that a person confirmed; images that stay there are read.

    Raises:
        RaterProjectError: there is no project, or one of a newer format, or one that is damaged.
    """
    root = Path(root)
    root = root.parent if root.name == PROJECT else root
    if not root.is_dir():
        raise RaterProjectError(f"There is no folder {root}. Check its place and its name.")
    if not (root / PROJECT).is_file():
        raise RaterProjectError(
            f"{root} holds no {PROJECT}, so it is no rater project. Choose another folder."
        )
    document = read_document(root / PROJECT, ProjectDocument, _ADVICE)
    return Project(root.resolve(), document, tuple(Path(folder) for folder in trusted))


def checksum(path: Path) -> str:
    """The sha256 of a file.

    Raises:
        RaterProjectError: it is missing or cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RaterProjectError(
            f"{path} cannot be read ({error.strerror}). Put the file back, or see whether its folder can be "
            "reached."
        ) from error
