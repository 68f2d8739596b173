"""Which indices of a training chain sampling visits."""

from __future__ import annotations

from itertools import accumulate, repeat

from napari_diffseg.errors import SettingsError


def spread(train_steps: int, *sections: int) -> list[int]:
    """Indices spread over equal sections of the chain, both ends of each section kept.

    One section of K is ImgX-DiffSeg's choice too (§3.2: 0, 250, 500, 750, 1000 for five of 1001). A
    section of one index keeps its first; a chain of one section and one index keeps its noisy end, as a
    single call can only start there.

    Args:
        train_steps: length of the chain.
        sections: indices wanted in each; where `train_steps` cannot be divided, the first sections are
            one longer.

    Raises:
        SettingsError: a section has fewer indices than are wanted of it.
    Source:
        Nichol and Dhariwal 2021, §4; rounding as in the official code of guided diffusion.
    """
    if sections == (1,):
        return [train_steps - 1]
    size, longer = divmod(train_steps, len(sections))
    kept, first = [], 0
    for number, wanted in enumerate(sections):
        length = size + (number < longer)
        if wanted > length:
            raise SettingsError(
                f"{wanted} steps cannot be taken from {length} of the training chain. Lower Steps."
            )
        stride = (length - 1) / (wanted - 1) if wanted > 1 else 1.0
        kept += [first + round(at) for at in accumulate(repeat(stride, wanted - 1), initial=0.0)]
        first += length
    return kept


def strided(train_steps: int, steps: int) -> list[int]:
    """`steps` indices from 0 in whole strides (Song et al. 2021, appendix D.2); the noisy end is left out.

    Raises:
        SettingsError: no whole stride gives so many.
    """
    for stride in range(1, train_steps):
        if len(range(0, train_steps, stride)) == steps:
            return list(range(0, train_steps, stride))
    raise SettingsError(
        f"No whole stride through {train_steps} training steps makes {steps}. Choose another number of steps."
    )
