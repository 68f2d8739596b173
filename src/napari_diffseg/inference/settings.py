"""Which settings a model has. Torch-free."""

from __future__ import annotations

from napari_diffseg.checkpoints.document import Document
from napari_diffseg.methods.registry import method
from napari_diffseg.results.options import Sampler

_OF_DIFFUSION = {
    "members",
    "steps",
    "seed",
    "sampler",
    "eta",
    "members_at_once",
    "slice_noise",
    "relative_area",
    "fusion",
    "keep_members",
}


def settings_lacking(document: Document, sampler: Sampler | None) -> frozenset[str]:
    """Fields of `SamplingOptions` that a model has no use for.

    Args:
        document: of the checkpoint.
        sampler: as chosen; None is the model's own.

    Raises:
        CheckpointError: its method is not known here.
    """
    entry = method(document.method)
    lacking = set() if entry.has_steps else set(_OF_DIFFUSION)
    lacking |= {"slice_noise", "start_slice"} if document.dimensions == 3 else {"members_at_once"}
    if (sampler or document.config.get("sampler")) != "ddim":
        lacking.add("eta")
    if not entry.relative_area:
        lacking.add("relative_area")
    return frozenset(lacking)
