"""What a person should know of a result beside its numbers."""

from __future__ import annotations

from napari_diffseg.fusion import empty_members
from napari_diffseg.results.result import Result


def notes(result: Result) -> list[str]:
    """A sentence each; none where all is plain."""
    return [note for note in (_of_slices(result), _of_staple(result)) if note]


def _of_slices(result: Result) -> str:
    """Members that were drawn slice by slice."""
    told = result.provenance
    if told.slice_axis is None or result.box.shape[told.slice_axis] == 1:
        return ""
    way = f"Slice-wise ({('axial', 'coronal', 'sagittal')[told.slice_axis]})"
    if told.sampler is None:
        return f"{way}: every slice was segmented by itself."
    if result.options.slice_noise == "shared":
        return f"{way}: all slices of a member were drawn from the same noise."
    return (
        f"{way}: every slice was drawn from noise of its own, so members flicker from slice to slice and "
        "their volumes look more certain than they are."
    )


def _of_staple(result: Result) -> str:
    """Members that may have led STAPLE astray."""
    empty = empty_members(result.members) if result.provenance.fusion == "staple" else ()
    if not empty:
        return ""
    return (
        f"{len(empty)} of {len(result.members)} members are empty. STAPLE may then drop what the others "
        "marked; compare with the majority."
    )
