"""Batches of whole members, for networks for volumes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.inference.division import Batch
from napari_diffseg.preparation.prepared import Prepared
from napari_diffseg.volume.grid import Box


@dataclass(frozen=True, slots=True, eq=False)
class ByMember:
    """A `Division` of a run into some members at once.

    Args:
        prepared: the box.
        box: the voxels of the scan.
        members: in all.
    """

    prepared: Prepared
    box: Box
    members: int

    @property
    def drawn(self) -> int:
        """A member is finished in one batch or not at all."""
        return 0

    def next(self, done: int, at_once: int) -> Batch:
        """The members after those that are done."""
        return Batch(range(done, min(done + at_once, self.members)))

    def image(self, batch: Batch, device: torch.device) -> Float[Tensor, "member channel D H W"]:
        """The same for all of them."""
        image = self.prepared.image.to(device)
        return image.expand(len(batch.members), *image.shape)

    def noise(self, batch: Batch, seed: int, channels: int, device: torch.device) -> NoiseSource:
        """A field a member."""
        return NoiseSource(seed, batch.members, (channels, *self.prepared.image.shape[1:]), device)

    def region(self, batch: Batch) -> Box:
        """The box."""
        return self.box

    def preview(
        self, batch: Batch, soft: Float[Tensor, "one foreground D H W"]
    ) -> Float[Tensor, "foreground d h w"]:
        """The first member on the box."""
        return self.finish(batch, soft)[0]

    @torch.inference_mode()
    def finish(
        self, batch: Batch, soft: Float[Tensor, "member foreground D H W"]
    ) -> list[Float[Tensor, "foreground d h w"]]:
        """Each of them on the box."""
        return list(self.prepared.restore(soft).clamp(0, 1))
