"""FF-Parser: a learned filter over spatial frequencies (MedSegDiff, Wu et al. 2023, §2.2), in 2D and 3D."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn


class FFParser(nn.Module):
    """Each channel's spectrum times a learned complex map, back in space (eq. 4 to 6).

    The spectrum of real features mirrors itself, so half of it is kept and learned. At the frequencies
    that are their own mirror (mean and Nyquist) the map's imaginary part has no effect.

    Args:
        channels: of the features; each has a map of its own.
        size: of the features in training, an entry a dimension; other sizes are taken too.
    """

    def __init__(self, channels: int, size: Sequence[int]) -> None:
        super().__init__()
        self.size = tuple(size)
        *full, last = self.size
        # Passes everything, as if it were not there: every frequency has a gradient of its own, so there is
        # no symmetry to break, and a random map (0.02 · normal in the released code) smears all over space.
        one = torch.tensor([1.0, 0.0])
        self.complex_weight = nn.Parameter(one.repeat(channels, *full, last // 2 + 1, 1))

    def forward(self, x: Float[Tensor, "item channel *space"]) -> Float[Tensor, "item channel *space"]:
        """The filtered features, in the dtype of `x`; in between float32, as there is no FFT in bf16."""
        axes = tuple(range(2, x.ndim))
        wide = torch.promote_types(x.dtype, torch.float32)
        spectrum = torch.fft.rfftn(x.to(wide), dim=axes, norm="ortho") * self.map_at(x.shape[2:])
        return torch.fft.irfftn(spectrum, s=x.shape[2:], dim=axes, norm="ortho").to(x.dtype)

    def map_at(self, size: Sequence[int]) -> Complex[Tensor, "channel *frequency half"]:
        """The map for features of `size`.

        The same filter: its value at so many cycles per voxel stays, so at another size it is read,
        linearly, between the frequencies of the training size.
        """
        weight = self.complex_weight.to(torch.promote_types(self.complex_weight.dtype, torch.float32))
        for axis, (trained, wanted) in enumerate(zip(self.size, size, strict=True), start=1):
            if trained != wanted:
                weight = _between(weight, axis, trained, wanted, half=axis == len(self.size))
        return torch.complex(*weight.unbind(-1))


def _between(weight: Tensor, axis: int, trained: int, wanted: int, *, half: bool) -> Tensor:
    """Values along `axis` at the frequencies k / wanted, from those at k / trained.

    A discrete spectrum repeats after 1 cycle per voxel. In the order of an FFT the neighbour after the last
    (negative) frequency is therefore the first one, 0, and no shift is needed. The halved axis ends at
    Nyquist; an odd training size ends just below it, and there its last value is held.
    """
    k = torch.arange(wanted // 2 + 1 if half else wanted, device=weight.device)
    below = k * trained // wanted
    share = (k * trained % wanted / wanted).to(weight.dtype)
    above = (below + 1).clamp(max=weight.shape[axis] - 1) if half else (below + 1) % trained
    share = share.reshape(-1, *(1,) * (weight.ndim - axis - 1))
    return torch.lerp(weight.index_select(axis, below), weight.index_select(axis, above), share)
