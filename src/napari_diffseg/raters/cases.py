"""What a project's owner adds to it: cases, raters, notes. Each gives the project as it is then."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari_diffseg.errors import DiffSegError
from napari_diffseg.io.atomic import replacing
from napari_diffseg.io.naming import unused
from napari_diffseg.io.nifti import StrPath, read_channels, write_volume
from napari_diffseg.io.sequence import channel_of
from napari_diffseg.raters import paths
from napari_diffseg.raters.document import made, unsaved, write_document
from napari_diffseg.raters.project import Project, checksum, open_project
from napari_diffseg.raters.project_document import (
    MOST_NOTES,
    PROJECT,
    CaseEntry,
    CaseImage,
    ProjectDocument,
)
from napari_diffseg.volume.scan import Scan
from napari_diffseg.volume.wording import some, stem


def add_case(
    project: Project,
    name: str,
    images: StrPath | Mapping[str, StrPath],
    *,
    copy: bool = True,
    raters: Iterable[str] = (),
    patient: str = "",
    note: str = "",
) -> Project:
    """Add a case from NIfTI files.

    Args:
        project: to add it to.
        name: of the case.
        images: a file, or channel name to file.
        copy: whether the files are copied into the project. Otherwise they stay where they are, and the
            project that comes back trusts their folders.
        raters: who reads it; everybody where nobody is named.
        patient: a code, for several cases of one patient.
        note: what everybody who uses the reads should know of it.

    Raises:
        RaterProjectError: the name is taken, a rater unknown, or something cannot be written; the project
            stays as it was.
        ScanError: a file cannot be read as a scan.
        GridMismatchError: the files do not lie on one grid.
    """
    files, told = _channels(images), {"raters": tuple(raters), "patient": patient, "note": note}
    read_channels(files)
    if not copy:
        resolved = {channel: file.resolve() for channel, file in files.items()}
        entries = [_image(channel, file, str(file)) for channel, file in resolved.items()]
        folders = tuple(sorted({file.parent for file in resolved.values()}))
        trusting = dataclasses.replace(project, trusted=tuple(dict.fromkeys(project.trusted + folders)))
        return _with_case(trusting, name, entries, told)
    targets = _targets(project, name, {channel: _ending(file) for channel, file in files.items()})
    with _removed_where_it_fails(targets):
        for channel, target in targets.items():
            _copy(files[channel], target)
        return _with_case(project, name, _copied(targets), told)


def add_scan(
    project: Project, name: str, scan: Scan, *, raters: Iterable[str] = (), patient: str = "", note: str = ""
) -> Project:
    """Add a case from a scan in memory; it is written to the project as NIfTI.

    Args:
        project: to add it to.
        name: of the case.
        scan: of one or several channels.
        raters: who reads it; everybody where nobody is named.
        patient: a code, for several cases of one patient.
        note: what everybody who uses the reads should know of it.

    Raises:
        RaterProjectError: the name is taken, a rater unknown, or something cannot be written; the project
            stays as it was.
        ResultError: an image cannot be written.
    """
    targets = _targets(project, name, dict.fromkeys(scan.channels, ".nii.gz"))
    with _removed_where_it_fails(targets):
        for data, target in zip(scan.data, targets.values(), strict=True):
            write_volume(target, data, scan.origin, scan.grid)
        told = {"raters": tuple(raters), "patient": patient, "note": note}
        return _with_case(project, name, _copied(targets), told)


def add_rater(project: Project, name: str) -> Project:
    """Add a rater, who reads every case that names nobody.

    Raises:
        RaterProjectError: the name is taken or impossible, or raters.json cannot be written.
    """
    document = open_project(project.root).document
    return _written(project, raters=(*document.raters, name))


def add_notes(project: Project, notes: Sequence[str]) -> Project:
    """Add notes for everybody who uses the reads; of more than 1000 only how many more there are.

    Raises:
        RaterProjectError: raters.json cannot be written.
    """
    before = open_project(project.root).document.notes
    return _written(project, notes=(*before, *some(notes, MOST_NOTES - len(before) - 1)))


def _with_case(project: Project, name: str, images: list[CaseImage], told: Mapping[str, Any]) -> Project:
    entry = made(CaseEntry, f"The case “{name[:200]}”", {"name": name, "images": tuple(images), **told})
    return _written(project, cases=(*open_project(project.root).document.cases, entry))


def _written(project: Project, **changed: Any) -> Project:
    """The project with these parts of its document changed, on the newest one on the disk."""
    newest = open_project(project.root).document
    document = made(ProjectDocument, "The project", dict(newest) | changed)
    write_document(project.root / PROJECT, document)
    return dataclasses.replace(project, document=document)


def _channels(images: StrPath | Mapping[str, StrPath]) -> dict[str, Path]:
    if isinstance(images, Mapping):
        return {channel: Path(file) for channel, file in images.items()}
    return {channel_of(Path(images).name): Path(images)}


def _targets(project: Project, name: str, endings: Mapping[str, str]) -> dict[str, Path]:
    """A file in the project for each channel, none of which is there yet."""
    folder = paths.own(project.root, paths.IMAGES)
    taken = {stem(path.name) for path in folder.glob("*")}
    targets = {}
    for channel, ending in endings.items():
        several = f"-{paths.folder_name(channel)}" if len(endings) > 1 else ""
        free = unused(paths.folder_name(name) + several, taken)
        taken.add(free)
        targets[channel] = folder / (free + ending)
    return targets


def _copy(file: Path, target: Path) -> None:
    try:
        with replacing(target) as partial:
            shutil.copyfile(file, partial)
    except OSError as error:
        raise unsaved(target, error) from error


def _copied(targets: Mapping[str, Path]) -> list[CaseImage]:
    return [_image(channel, path, f"{paths.IMAGES}/{path.name}") for channel, path in targets.items()]


def _image(channel: str, file: Path, path: str) -> CaseImage:
    return CaseImage(channel=channel, path=path, sha256=checksum(file))


def _ending(file: Path) -> str:
    return ".nii.gz" if file.name.lower().endswith(".gz") else ".nii"


@contextmanager
def _removed_where_it_fails(targets: Mapping[str, Path]) -> Iterator[None]:
    try:
        yield
    except DiffSegError:
        for path in targets.values():
            path.unlink(missing_ok=True)
        raise
