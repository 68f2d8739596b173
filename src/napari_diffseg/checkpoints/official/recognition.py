"""Whose checkpoint a file is, by the names of its tensors."""

from __future__ import annotations

from pathlib import Path

from napari_diffseg.checkpoints.official import ambdiffseg
from napari_diffseg.checkpoints.official.guided import Shapes
from napari_diffseg.checkpoints.official.imgx_folder import TREE
from napari_diffseg.errors import CheckpointError


def file_looks_like(path: Path) -> str | None:
    """As `looks_like`, of a file or folder that another source's reader did not take."""
    if (path / TREE).is_file():
        return "imgx"
    try:
        return looks_like(ambdiffseg.read(path).shapes)  # of the sources it has the longest list of names
    except CheckpointError:
        return None


def looks_like(shapes: Shapes) -> str | None:
    """A source's name, or the words for one that is not read here; None for tensors never seen."""
    if any("/~encoder/" in name for name in shapes):
        return "imgx"
    if any(name.startswith("hwm.") for name in shapes):
        return "medsegdiff"
    if any(name.startswith("contracting_path.") for name in shapes):
        return "AmbDiffSeg with the network of the Generalized Probabilistic U-Net"
    if "time_embed.0.weight" in shapes:
        return _guided(shapes)
    if "fcomb.last_layer.weight" in shapes:
        normed = any("running_mean" in name for name in shapes)
        return "the Generalized Probabilistic U-Net" if normed else "probunet"
    if any(name.startswith(("prior.sample_z_path", "likelihood.s_layer")) for name in shapes):
        return "PHiSeg"
    return None


def _guided(shapes: Shapes) -> str | None:
    """The relatives of guided-diffusion."""
    if "out.3.weight" in shapes:
        return "ambdiffseg"
    if len(shapes.get("input_blocks.0.0.weight", ())) == 5:  # only PatchDDM is published in 3D
        return "patchddm"
    return "wolleb" if "out.2.weight" in shapes else None
