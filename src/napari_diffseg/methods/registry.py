"""The table of methods, readable without torch."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

from napari_diffseg.errors import CheckpointError

if TYPE_CHECKING:
    from napari_diffseg.methods.method import Method

logger = logging.getLogger(__name__)

ENTRY_POINTS = "napari_diffseg.methods"


@dataclass(frozen=True, slots=True)
class MethodEntry:
    """One row: what a person is told of a method before torch is there.

    Args:
        name: as it stands in checkpoints.
        title: as it stands in lists.
        sentence: what it is.
        paper: where it is published; may be empty.
        dimensions: of its networks.
        has_steps: whether it samples in steps and gives several members.
        module: where its `Config`, `build`, `loss`, `sample` are.
        relative_area: whether members that are specks beside the others are emptied in its paper.
        control: name of the method that is the same network without diffusion; empty where there is none.
    """

    name: str
    title: str
    sentence: str
    paper: str
    dimensions: tuple[int, ...]
    has_steps: bool
    module: str
    relative_area: bool = False
    control: str = ""

    @property
    def about(self) -> str:
        """What it is, for slices or volumes, and its paper."""
        where = " and ".join(f"{number}D" for number in self.dimensions)
        return " ".join(filter(None, [self.sentence, f"In {where}.", self.paper and f"{self.paper}."]))

    @property
    def how_to_get(self) -> str:
        """The ways to a checkpoint where there is none."""
        return (
            f"There is no model of {self.title} here yet. Train one (the Train dock, or napari-diffseg train "
            f"DATA --method {self.name}), import one that its authors published (napari-diffseg models "
            "import FILE --from SOURCE --out FILE), or browse for one."
        )

    def load(self) -> Method:
        """Import the method, and torch with it."""
        return cast("Method", import_module(self.module))


BUILT_IN = (
    MethodEntry(
        name="ensemdiff",
        title="EnsemDiff",
        sentence="Diffusion on the mask with the scan beside it; every new noise gives another mask.",
        paper="Wolleb et al., Diffusion Models for Implicit Image Segmentation Ensembles, MIDL 2022, "
        "arXiv:2112.03145",
        dimensions=(2, 3),
        has_steps=True,
        module="napari_diffseg.methods.ensemdiff",
        control="guided-unet",
    ),
    MethodEntry(
        name="patchddm",
        title="PatchDDM",
        sentence="Trained on patches that know their place, sampled on the whole volume; with FullRes and "
        "HalfRes.",
        paper="Bieder et al., Diffusion Models for Memory-efficient Processing of 3D Medical Images, "
        "MIDL 2023, arXiv:2303.15288",
        dimensions=(2, 3),
        has_steps=True,
        module="napari_diffseg.methods.patchddm",
        control="guided-unet",
    ),
    MethodEntry(
        name="imgx",
        title="ImgX-DiffSeg",
        sentence="Diffusion on one-hot masks, trained with the few steps that it is sampled with.",
        paper="Fu et al., Importance of Aligning Training Strategy with Evaluation for Diffusion Models "
        "in 3D Multiclass Segmentation, 2023, arXiv:2303.06040",
        dimensions=(2, 3),
        has_steps=True,
        module="napari_diffseg.methods.imgx",
        control="imgx-unet",
    ),
    MethodEntry(
        name="imgx-unet",
        title="U-Net without diffusion",
        sentence="The network of ImgX-DiffSeg as a plain segmenter, to hold diffusion against.",
        paper="Fu et al., 2023, arXiv:2303.06040, the non-diffusion baseline",
        dimensions=(2, 3),
        has_steps=False,
        module="napari_diffseg.methods.imgx_unet",
    ),
    MethodEntry(
        name="medsegdiff",
        title="MedSegDiff",
        sentence="The noisy mask steers a second encoder for the scan; members are fused by STAPLE.",
        paper="Wu et al., MedSegDiff: Medical Image Segmentation with Diffusion Probabilistic Model, MIDL "
        "2023, arXiv:2211.00611",
        dimensions=(2, 3),
        has_steps=True,
        module="napari_diffseg.methods.medsegdiff",
        control="guided-unet",
    ),
    MethodEntry(
        name="ambiguous",
        title="Ambiguous segmentation",
        sentence="Continuous-time diffusion in which each member stands for one expert's opinion.",
        paper="Christensen et al., Diffusion Based Ambiguous Image Segmentation, SCIA 2025, arXiv:2504.05977",
        dimensions=(2, 3),
        has_steps=True,
        module="napari_diffseg.methods.ambiguous",
        relative_area=True,
        control="guided-unet",
    ),
    MethodEntry(
        name="guided-unet",
        title="Guided U-Net without diffusion",
        sentence="The network of EnsemDiff, PatchDDM and the ambiguous models as a plain segmenter, to hold "
        "diffusion against.",
        paper="Dhariwal & Nichol, Diffusion Models Beat GANs on Image Synthesis, 2021, arXiv:2105.05233, the "
        "network alone",
        dimensions=(2, 3),
        has_steps=False,
        module="napari_diffseg.methods.guided_unet",
    ),
)


def methods() -> dict[str, MethodEntry]:
    """All methods by name: the built-in ones, then those of other packages.

    Another package offers a `MethodEntry` under the entry-point group `napari_diffseg.methods`; a name
    that is taken stays with its first owner. One that cannot be loaded is left out and logged.
    """
    table = {entry.name: entry for entry in BUILT_IN}
    for point in entry_points(group=ENTRY_POINTS):
        try:
            entry = point.load()
        except Exception:
            logger.exception("The method that %s offers cannot be loaded", point.value)
            continue
        if isinstance(entry, MethodEntry):
            table.setdefault(entry.name, entry)
        else:
            logger.error("What %s offers as a method is no MethodEntry", point.value)
    return table


def method(name: str) -> MethodEntry:
    """The method of that name.

    Raises:
        CheckpointError: there is none.
    """
    table = methods()
    if name not in table:
        raise CheckpointError(
            f"The method “{name}” is not known here; known are {', '.join(table)}. "
            "Install the package that brings it, or choose another checkpoint."
        )
    return table[name]
