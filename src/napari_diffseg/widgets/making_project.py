"""A new rater project is made, in a thread: there as a whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.io.naming import slug, unused
from napari_diffseg.io.nifti import read_volume
from napari_diffseg.raters.cases import add_case, add_scan
from napari_diffseg.raters.new_folder import made_in_place
from napari_diffseg.raters.project import Project, create_project
from napari_diffseg.raters.rating_form import RatingForm
from napari_diffseg.results.result import ClassInfo

_COLOURS = ("#e4572e", "#2e86ab", "#3fa34d", "#a23b72", "#f2b134", "#5c80bc")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a person asked for.

    Args:
        folder: to make the project's own in.
        title: of the project.
        scans: NIfTI files and DICOM folders, a case each.
        classes: names.
        raters: names.
        form: kinds of lesions and questions.
        copy: whether NIfTI files are copied; otherwise they stay where they are.
    """

    folder: Path
    title: str
    scans: tuple[Path, ...]
    classes: tuple[str, ...]
    raters: tuple[str, ...]
    form: RatingForm
    copy: bool

    @property
    def root(self) -> Path:
        """The project's own folder."""
        return self.folder / slug(self.title, "project")


def make_project(plan: Plan, given_up: Flag) -> Iterator[str | Path]:
    """Make the project.

    Yields:
        What is being done, in words; at the end the project's folder.

    Raises:
        RaterProjectError: something in the plan is impossible, or cannot be written; nothing stays then.
        ScanError: a file cannot be read as a scan.
    """
    if not plan.scans:
        raise RaterProjectError("No scan is chosen. Add at least one.")
    colours = [_COLOURS[number % len(_COLOURS)] for number in range(len(plan.classes))]
    labels = [ClassInfo(name, colour) for name, colour in zip(plan.classes, colours, strict=True)]
    with made_in_place(plan.root) as partial:
        project = create_project(partial, title=plan.title, labels=labels, raters=plan.raters, form=plan.form)
        names: list[str] = []
        for number, scan in enumerate(plan.scans, start=1):
            if given_up.is_set():
                raise RaterProjectError("Making the project was stopped; nothing of it stays.")
            yield f"Adding {scan.name} ({number} of {len(plan.scans)})…"
            names.append(unused(_case_name(scan), names))
            project = _with_scan(project, names[-1], scan, copy=plan.copy)
    yield plan.root


def _with_scan(project: Project, name: str, path: Path, *, copy: bool) -> Project:
    """DICOM is always written into the project, as NIfTI: a series is many files."""
    if path.is_dir():
        return add_scan(project, name, read_volume(path))
    return add_case(project, name, path, copy=copy)


def _case_name(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".nii") or "case"
