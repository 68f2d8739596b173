"""The DICOM series in a folder and in those below it, as cases; found in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event as Flag

from napari_diffseg.errors import ScanError
from napari_diffseg.io.dicom_mark import files_below
from napari_diffseg.io.sequence import channel_of
from napari_diffseg.widgets.projects.case_draft import CaseDraft


def series_in(folder: Path, given_up: Flag) -> Iterator[tuple[CaseDraft, ...]]:
    """Look through a folder; localisers and the like are passed over.

    Args:
        folder: of one series, or of several patients' series in folders of their own.
        given_up: set when nobody waits for it any more.

    Yields:
        Once, a case for each series: named after its folder, and where that holds several after kind and
        number of slices too.

    Raises:
        ScanError: there is no series, or a file has a damaged header.
    """
    # here, since pydicom takes half a second to import
    from napari_diffseg.io.dicom_series import series_of

    files = (path for path in files_below(folder) if not given_up.is_set())
    found = [series for series in series_of(files) if not series.unfit]
    if given_up.is_set():
        return
    if not found:
        raise ScanError(
            f"{folder.name} holds no DICOM series of plain slices. Choose the folder that a scan's slices "
            "lie in, or one that holds such folders."
        )
    if len(found) == 1:
        yield (CaseDraft(folder.name, {channel_of(folder.name): folder}),)
        return
    homes = [series.slices[0].path.parent for series in found]
    kinds = [(series.modality or "series", str(len(series.slices))) for series in found]
    drafts = (
        # a file stands for its series, since others may lie beside it
        _draft(folder, series.slices[0].path, kind if homes.count(home) > 1 else ())
        for series, home, kind in zip(found, homes, kinds, strict=True)
    )
    yield tuple(sorted(drafts, key=lambda draft: draft.name))


def _draft(folder: Path, path: Path, kind: tuple[str, ...]) -> CaseDraft:
    parts = path.parent.relative_to(folder).parts or (folder.name,)
    return CaseDraft("-".join((*parts, *kind)), {channel_of(path.parent.name): path})
