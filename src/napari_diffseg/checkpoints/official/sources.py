"""The table of official repositories whose checkpoints can be imported, readable without torch."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal, cast

from napari_diffseg.errors import CheckpointError

if TYPE_CHECKING:
    from napari_diffseg.checkpoints.official.model import Importer

SourceName = Literal["wolleb", "patchddm", "medsegdiff", "ambdiffseg", "imgx", "probunet"]


@dataclass(frozen=True, slots=True)
class Source:
    """One row.

    Args:
        name: as it is asked for.
        title: of the method, as its authors call it.
        repository: of the code that wrote the files, on GitHub.
        module: that reads them; none yet when empty.
    """

    name: SourceName
    title: str
    repository: str
    module: str = ""

    def load(self) -> Importer:
        """Import the reader, and torch with it."""
        return cast("Importer", import_module(f"{__package__}.{self.module}"))


SOURCES = {
    source.name: source
    for source in (
        Source("wolleb", "EnsemDiff", "JuliaWolleb/Diffusion-based-Segmentation", "wolleb"),
        Source("patchddm", "PatchDDM", "FlorentinBieder/PatchDDM-3D", "patchddm"),
        Source("medsegdiff", "MedSegDiff", "ImprintLab/MedSegDiff", "medsegdiff"),
        Source("ambdiffseg", "AmbDiffSeg", "JakobLC/AmbDiffSeg", "ambdiffseg"),
        Source("imgx", "ImgX-DiffSeg", "mathpluscode/ImgX-DiffSeg", "imgx"),
        Source("probunet", "Probabilistic U-Net", "stefanknegt/Probabilistic-Unet-Pytorch"),
    )
}


def official_source(name: str) -> Source:
    """The source of that name.

    Raises:
        CheckpointError: there is none, or it is not read yet.
    """
    readable = ", ".join(source.name for source in SOURCES.values() if source.module)
    source = next((source for source in SOURCES.values() if source.name == name), None)
    if source is None:
        raise CheckpointError(f"There is no source “{name}”. Choose one of {readable}.")
    if not source.module:
        raise CheckpointError(
            f"Checkpoints of the {source.title} cannot be imported yet: they come with the comparison "
            f"methods, which this version does not have. It reads those of {readable}."
        )
    return source
