"""A case's channels as a model wants them."""

from __future__ import annotations

from dataclasses import replace

from napari_diffseg.checkpoints.document import Document
from napari_diffseg.errors import ScanError
from napari_diffseg.layers.channels import match_channels
from napari_diffseg.volume import Scan


def scan_for(document: Document, scan: Scan) -> Scan:
    """The scan with the channels of a model, in its order; a single one needs no name.

    Raises:
        ScanError: the scan lacks a channel.
    """
    wanted = [channel.name for channel in document.channels]
    if len(wanted) == len(scan.channels) == 1:
        return replace(scan, channels=tuple(wanted))
    found = match_channels(wanted, scan.channels)
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ScanError(
            f"“{document.name}” takes {', '.join(wanted)}, and this case has {', '.join(scan.channels)}: "
            f"{', '.join(missing)} is missing. Choose another model."
        )
    places = [scan.channels.index(found[name]) for name in wanted]
    return replace(scan, data=scan.data[places], channels=tuple(wanted))
