"""Which file is which channel of a model, as said on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from napari_diffseg.checkpoints.document import Document
from napari_diffseg.errors import ScanError
from napari_diffseg.io import read_channels, read_volume
from napari_diffseg.volume import Scan


def read_scan(document: Document, scan: Path | None, named: Sequence[str]) -> Scan:
    """The scan that a model is to segment.

    Args:
        document: of the checkpoint, which names its channels.
        scan: the only channel's file.
        named: "channel=file" each, in any order.

    Raises:
        typer.BadParameter: both ways or neither were used, or one is not "channel=file".
        ScanError: a channel is missing, given twice or unknown to the model, or a file cannot be read.
        GridMismatchError: the files do not lie on one grid.
    """
    if (scan is None) == (not named):
        raise typer.BadParameter("Give either SCAN or --channel NAME=FILE for each channel of the model.")
    wanted = [channel.name for channel in document.channels]
    if scan is not None:
        _check(wanted, wanted if len(wanted) == 1 else [], document)
        return read_volume(scan, channel=wanted[0])
    pairs = [channel_file(text) for text in named]
    _check(wanted, [name for name, _ in pairs], document)
    files = dict(pairs)
    return read_channels({name: files[name] for name in wanted})


def channel_file(text: str) -> tuple[str, Path]:
    """A channel and its file, from "NAME=FILE".

    Raises:
        typer.BadParameter: the text is of another form.
    """
    name, sign, path = text.partition("=")
    if not (name and sign and path):
        raise typer.BadParameter(f"“{text}” is not of the form NAME=FILE, for example flair=flair.nii.gz.")
    return name, Path(path)


def _check(wanted: Sequence[str], given: Sequence[str], document: Document) -> None:
    unknown = [name for name in given if name not in wanted]
    doubled = [name for name in wanted if given.count(name) > 1]
    missing = [name for name in wanted if name not in given]
    for names, problem in (
        (unknown, "no channel of the model"),
        (doubled, "given more than once"),
        (missing, "missing"),
    ):
        if names:
            raise ScanError(
                f"{', '.join(names)}: {problem}. “{document.name}” takes {', '.join(wanted)}; "
                "give each once, as --channel NAME=FILE."
            )
