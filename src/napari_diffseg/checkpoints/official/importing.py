"""Official checkpoints made into checkpoints of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from torch import Tensor

from napari_diffseg.checkpoints.catalogue import user_folder
from napari_diffseg.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from napari_diffseg.checkpoints.document import Document
from napari_diffseg.checkpoints.official.card import card
from napari_diffseg.checkpoints.official.foreign import Foreign
from napari_diffseg.checkpoints.official.model import Importer, Model, Wanted
from napari_diffseg.checkpoints.official.recognition import file_looks_like, looks_like
from napari_diffseg.checkpoints.official.refusals import about_setting, other_source
from napari_diffseg.checkpoints.official.sources import Source, official_source
from napari_diffseg.checkpoints.official.tensor_check import check_tensors
from napari_diffseg.errors import CheckpointError

_ENDING = ".safetensors"


def import_official(
    path: str | Path,
    *,
    source: str,
    network: Mapping[str, Any] | None = None,
    name: str | None = None,
    channels: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
) -> Checkpoint:
    """Read an official checkpoint, check every tensor, and write it as one of ours.

    The network's shape is read off the tensors' names and shapes. What they do not show has the released
    flags as defaults, or is asked for by name. Nothing in the file is run.

    Args:
        path: the file, or ImgX's folder batch_<n>.
        source: "wolleb", "patchddm", "medsegdiff", "ambdiffseg" or "imgx".
        network: what the file does not tell, by name: the fields of `Settings` in the source's module.
        name: that it gets in the catalogue; otherwise the file's.
        channels: names of the image's channels, in the network's order.
        classes: names of the foreground classes, in the network's order; one if left out, except where
            the file tells (ImgX, AmbDiffSeg).
        out: the file to write, ending in .safetensors; otherwise one in the user's folder, so that the
            checkpoint is in the catalogue.
        overwrite: whether a file that is there is replaced.

    Raises:
        CheckpointError: the file is another source's, unreadable or unsafe; a setting is missing, unknown
            or does not fit; tensors are missing, unexpected or mis-shaped; `out` exists or cannot be
            written.
    """
    path, entry = Path(path), official_source(source)
    name = name or path.stem
    target = target_path(out, name)
    if target.exists() and not overwrite:
        raise CheckpointError(
            f"{target} exists already. Choose another name, or allow it to be replaced (overwrite)."
        )
    document, weights = _converted(path, entry, network or {}, name, Wanted(channels, classes))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        save_checkpoint(target, document, weights)
    except OSError as error:
        raise CheckpointError(f"{target} cannot be written: {error.strerror}. Choose another.") from error
    del weights  # a large network need not be held twice
    return load_checkpoint(target)


def target_path(out: str | Path | None, name: str) -> Path:
    """The file to write: `out`, or one among the user's own checkpoints.

    Raises:
        CheckpointError: it does not end in .safetensors.
    """
    slug = re.sub(r"[^\w.-]+", "-", name).strip(".-")[:100] or "imported"
    target = user_folder() / f"{slug}{_ENDING}" if out is None else Path(out)
    if target.suffix != _ENDING:
        raise CheckpointError(f"{target.name} does not end in {_ENDING}. Give the new file that ending.")
    return target


def _converted(
    path: Path, entry: Source, network: Mapping[str, Any], name: str, wanted: Wanted
) -> tuple[Document, Mapping[str, Tensor]]:
    """The document and the weights to write, every tensor checked."""
    importer = entry.load()
    foreign = _read(path, entry, importer)
    model = _model(foreign, entry, importer, network, wanted)
    document = card(foreign, entry, model, name, wanted)
    check_tensors(foreign, document, model)
    return document, model.weights


def _read(path: Path, entry: Source, importer: Importer) -> Foreign:
    """The file's content, if it is one of this source."""
    if not path.exists():
        raise CheckpointError(f"There is no {path}. Check its folder and its name.")
    try:
        foreign = importer.read(path)
    except CheckpointError as error:
        found = file_looks_like(path)
        if found not in (None, entry.name):
            raise other_source(path.name, entry, str(found)) from error
        raise
    found = looks_like(foreign.shapes)
    if found not in (None, entry.name):
        raise other_source(foreign.file, entry, str(found))
    return foreign


def _model(
    foreign: Foreign, entry: Source, importer: Importer, network: Mapping[str, Any], wanted: Wanted
) -> Model:
    try:
        settings = importer.Settings.model_validate({**importer.said(foreign), **network})
        return importer.model(foreign, settings, wanted)
    except ValidationError as error:
        raise about_setting(foreign.file, entry, importer.Settings, error) from error
