"""A case before it is in a project: which files belong together, as their names say or a person does."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from napari_diffseg.io.naming import unused
from napari_diffseg.io.sequence import channel_of
from napari_diffseg.io.stored import ENDINGS
from napari_diffseg.volume.wording import stem

_UNTOLD = "image"
_LONGEST = 64  # of a channel's name
_SEPARATORS = "_. -"  # a hyphen last, as in a regular expression
_NUMBERED = re.compile(r"(.+)_([0-9]{4})")
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class CaseDraft:
    """A case that somebody wants to add.

    Args:
        name: of the case.
        files: by channel; NIfTI files, folders of one DICOM series, or a file of a series.
        patient: whose it is; empty for a patient of its own.
    """

    name: str
    files: Mapping[str, Path]
    patient: str = ""

    @property
    def is_nifti(self) -> bool:
        """Whether it can be copied or referenced as it is."""
        return all(map(is_nifti, self.files.values()))


def drafts_of(paths: Sequence[Path]) -> tuple[CaseDraft, ...]:
    """The cases that files make up, in the order of their first files.

    Of one case are files of one folder whose names differ in the MR sequence alone (NAME_flair, NAME_t1), or
    in nnU-Net's number of the channel (NAME_0000, NAME_0001 …). Any other file is a case.

    Args:
        paths: as of a draft's files.
    """
    there = {(path.parent, stem(path.name)) for path in paths}
    groups: dict[Hashable, dict[str, Path]] = {}
    names: dict[Hashable, str] = {}
    for path in paths:
        key, name, channel = _told(path, there)
        if channel in groups.get(key, {}):
            key = path
        names.setdefault(key, name)
        groups.setdefault(key, {})[channel] = path
    return tuple(
        CaseDraft(names[key] if len(files) > 1 else stem(next(iter(files.values())).name), files)
        for key, files in groups.items()
    )


def joined(drafts: Sequence[CaseDraft]) -> CaseDraft:
    """One case of all files of several.

    It is named after what their names begin with, and a channel after its file or folder where nothing better
    is known.
    """
    files: dict[str, Path] = {}
    for draft in drafts:
        for channel, path in draft.files.items():
            told = channel, channel_of(path.name), channel_of(path.parent.name)
            free = (name for name in told if name != _UNTOLD and name not in files)
            files[unused(next(free, stem(path.name)[:_LONGEST]), files)] = path
    letters = zip(*(draft.name for draft in drafts), strict=False)
    begin = "".join(first for first, *_ in takewhile(lambda at: len(set(at)) == 1, letters))
    patient = next((draft.patient for draft in drafts if draft.patient), "")
    return CaseDraft(begin.strip(_SEPARATORS) or drafts[0].name, files, patient)


def separated(draft: CaseDraft) -> tuple[CaseDraft, ...]:
    """A case of each file, all of one patient still."""
    return tuple(
        CaseDraft(stem(path.name), {channel_of(path.name): path}, draft.patient)
        for path in draft.files.values()
    )


def is_nifti(path: Path) -> bool:
    """Whether a path is a NIfTI file by its name; otherwise it is DICOM."""
    return path.name.lower().endswith(ENDINGS)


def _told(path: Path, there: Iterable[tuple[Path, str]]) -> tuple[Hashable, str, str]:
    """What a file shares with others of its case, the case's name, and the channel."""
    folder, own = path.parent, stem(path.name)
    numbered = _NUMBERED.fullmatch(own)
    if numbered and all((folder, f"{numbered[1]}_{first}") in there for first in ("0000", "0001")):
        return (folder, numbered[1]), numbered[1], numbered[2]
    channel = channel_of(own)
    if channel == _UNTOLD or not is_nifti(path):
        return path, own, channel
    rest = _without_sequence(own)
    return (folder, rest), rest or folder.name, channel


def _without_sequence(name: str) -> str:
    rest = _WORD.sub(lambda word: "" if channel_of(word[0]) != _UNTOLD else word[0], name)
    return re.sub(f"([{_SEPARATORS}])[{_SEPARATORS}]+", r"\1", rest).strip(_SEPARATORS)
