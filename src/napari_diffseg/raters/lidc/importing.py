"""LIDC-IDRI as TCIA gives it, DICOM series and XML, as a rater project."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.io.dicom_mark import files_below, has_mark
from napari_diffseg.io.dicom_series import Series
from napari_diffseg.io.naming import unused
from napari_diffseg.raters.cases import add_scan
from napari_diffseg.raters.imported_read import import_read
from napari_diffseg.raters.lidc.marks import marks_of
from napari_diffseg.raters.lidc.message import ReadingSession, ReadMessage
from napari_diffseg.raters.lidc.notes import BARE, CITATION, LICENCE, NUMBERS, SESSIONS, UNBLINDED
from napari_diffseg.raters.lidc.series import bare_scan, find_series, patient_of
from napari_diffseg.raters.lidc.xml import RadiographError, read_message
from napari_diffseg.raters.lidc_form import LIDC_FORM
from napari_diffseg.raters.new_folder import filled, made_in_place
from napari_diffseg.raters.project import Project, create_project, open_project
from napari_diffseg.raters.project_document import Protocol
from napari_diffseg.results.classes import named
from napari_diffseg.volume import Scan
from napari_diffseg.volume.wording import some

_READERS = 4
_MOST_OF_A_READ = 30
_LISTED = 10


@dataclass(frozen=True, slots=True)
class _Annotated:
    """A series' annotations: the file they are from and the files that say the same."""

    name: str
    message: ReadMessage
    copies: tuple[str, ...] = ()


def import_lidc(dicom_dir: Path | None, xml_dir: Path | None = None, *, out: Path) -> Project:
    """Make a project of LIDC-IDRI's scans and reads: one case a CT series, one finished read a session.

    Files that cannot be used, such as those of radiographs, are left out, and the project's notes name them.

    Args:
        dicom_dir: where the series are, however deep. Without it, or when it holds no DICOM, cases are
            blank slices; when it holds some, annotations of other series are left out.
        xml_dir: where the XML files are, however deep; None looks in `dicom_dir`.
        out: the folder to make.

    Raises:
        RaterProjectError: no folder was given, there is no annotation of a series that can be read, or `out`
            cannot be made.
    """
    folder = xml_dir or dicom_dir
    if folder is None:
        raise RaterProjectError("No folder was given. Choose the one with LIDC-IDRI's XML files.")
    for given in (folder, dicom_dir):
        if given is not None and not given.is_dir():
            raise RaterProjectError(f"There is no folder {given}. Check its place and its name.")
    annotated, left_out = _annotations(folder)
    found: dict[str, Series] = {}
    bare = dicom_dir is None or not any(map(has_mark, files_below(dicom_dir)))
    if dicom_dir is not None and not bare:
        found, damaged = find_series(dicom_dir, {each.message.series_uid for each in annotated})
        left_out += [*damaged, *_without_series(annotated, found)]
        annotated = [each for each in annotated if each.message.series_uid in found]
    with made_in_place(out) as folder_of_it:
        project = create_project(folder_of_it, **_settings(annotated, bare=bare))
        filled(
            project,
            annotated,
            partial(_with_case, found),
            left_out=left_out,
            nothing=f"{folder.name} holds no annotation of LIDC-IDRI that can be imported.",
            advice="Choose the folder with its XML files.",
        )
    return open_project(out)


def _annotations(folder: Path) -> tuple[list[_Annotated], list[str]]:
    """One a series, in the order of the files' names; and sentences about files that give none."""
    kept: dict[str, _Annotated] = {}
    radiographs: list[str] = []
    left_out: list[str] = []
    for path in files_below(folder):
        if path.suffix.lower() != ".xml":
            continue
        name = path.relative_to(folder).as_posix()
        try:
            left_out += _keep(kept, name, read_message(path))
        except RadiographError:
            radiographs.append(name)
        except RaterProjectError as error:
            left_out.append(f"{name} was left out. {error}")
    if radiographs:
        left_out.append(f"Left out, as they are of chest radiographs: {', '.join(radiographs)}.")
    return list(kept.values()), left_out


def _keep(kept: dict[str, _Annotated], name: str, message: ReadMessage) -> list[str]:
    """Put a file's annotations to those of the other series; what to say where there were others already."""
    first = kept.get(message.series_uid)
    if first is None:
        kept[message.series_uid] = _Annotated(name, message)
    elif _contours(first.message) == _contours(message):
        kept[message.series_uid] = replace(first, copies=(*first.copies, name))
    else:
        return [
            f"{name} was left out: {first.name} is of the same series with other marks, and both would be by "
            "the same readers."
        ]
    return []


def _contours(message: ReadMessage) -> Counter[frozenset[Any]]:
    """What the sessions drew, whatever they called it and in whichever order."""
    return Counter(map(_drawn, message.sessions))


def _drawn(session: ReadingSession) -> frozenset[Any]:
    outlines = {(roi.z_mm, roi.inclusion, roi.edge_map) for nodule in session.nodules for roi in nodule.rois}
    return frozenset(outlines | {(mark.z_mm, mark.locus) for mark in session.non_nodules})


def _without_series(annotated: Iterable[_Annotated], found: dict[str, Series]) -> list[str]:
    missing = [each.name for each in annotated if each.message.series_uid not in found]
    return [f"Left out, as their CT series are not there: {', '.join(missing)}."] if missing else []


def _settings(annotated: Iterable[_Annotated], *, bare: bool) -> dict[str, Any]:
    most = max((len(each.message.sessions) for each in annotated), default=1)
    return {
        "title": "LIDC-IDRI",
        "labels": named(("nodule",)),
        "raters": _names(most),
        "protocol": Protocol(show_names=True),  # they are no names of people
        "form": LIDC_FORM,
        "notes": (UNBLINDED, SESSIONS, NUMBERS, *((BARE,) if bare else ()), LICENCE, CITATION),
    }


def _with_case(found: Mapping[str, Series], project: Project, annotated: _Annotated) -> Project:
    message = annotated.message
    series = found.get(message.series_uid)
    if not message.sessions:
        raise RaterProjectError("It has no reading session.")
    own = annotated.name.removesuffix(".xml").replace("/", "-")
    taken = {case.name for case in project.document.cases}
    patient = patient_of(series) if series else ""
    name = unused(patient or own, taken)
    scan = bare_scan(name, message) if series is None else _scan(name, series)
    marks = marks_of(message, scan)
    raters = _names(len(marks))
    note = _case_note(annotated, bare=series is None)
    project = add_scan(project, name, scan, raters=raters, patient=patient, note=note)
    for rater, each in zip(raters, marks, strict=True):
        note = " ".join((UNBLINDED, *some(each.notes, _MOST_OF_A_READ)))
        import_read(project, name, rater, each.mask, each.lesions, scan=scan, note=note)
    return project


def _scan(name: str, series: Series) -> Scan:
    # here, since pydicom takes half a second to import
    from napari_diffseg.io.dicom import read_series

    return read_series(name, series, channel="image")


def _case_note(annotated: _Annotated, *, bare: bool) -> str:
    message = annotated.message
    said = [f"From {annotated.name}, CT series {message.series_uid}."]
    if annotated.copies:
        said.append(f"The same marks stand in {', '.join(some(annotated.copies, _LISTED))}.")
    if len(message.sessions) > _READERS:
        said.append(
            f"{len(message.sessions)} sessions of at most {_READERS} readers: some read the scan in parts, "
            "and an empty place in a session may not have been looked at."
        )
    return " ".join((*said, BARE) if bare else said)


def _names(count: int) -> tuple[str, ...]:
    return tuple(f"session {number}" for number in range(1, count + 1))
