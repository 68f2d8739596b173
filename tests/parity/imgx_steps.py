"""One reverse step of ImgX-DiffSeg for each item of a batch, as its official code makes it."""

import re
from dataclasses import dataclass

import torch
from oracle import Oracle
from torch import Tensor

from napari_diffseg.diffusion.discrete import DiscreteSchedule
from napari_diffseg.diffusion.posterior import Posterior, learned_log_variance
from napari_diffseg.diffusion.schedule import over
from napari_diffseg.diffusion.variational import bound_bits

START, END = 1e-4, 0.02


def kept_times(oracle: Oracle) -> tuple[DiscreteSchedule, list[float]]:
    """The chain that an oracle's configuration names, and its kept times, noisy first, then 0."""
    said = oracle.document["config"]
    steps, kept = (re.search(rf"\b{letter}=(\d+)", said) for letter in "TK")
    length = int(steps.group(1)) if steps else 1001  # the default of the code
    chain = DiscreteSchedule(length, "linear", START, END)
    return chain, chain.times(int(kept.group(1)))


def log_probabilities(x: Tensor) -> Tensor:
    """Logits of a mask in [−1, 1] as the noise-prediction ablation derives them."""
    return ((x + 1) / 2).clamp(1e-5, 1).log()


@dataclass(frozen=True)
class ReverseSteps:
    """From the kept time of each item's index to the next cleaner one.

    Args:
        index: of each item, 0 the cleanest.
        posterior: at these times.
        smallest: variance of a step; never 0, the cleanest one borrows from the next.
        largest: likewise.
        rounded: the smallest one, as it comes out of signals in float32.
    """

    index: Tensor
    posterior: Posterior
    smallest: Tensor
    largest: Tensor
    rounded: Tensor

    @classmethod
    def of(cls, oracle: Oracle, index: Tensor) -> "ReverseSteps":
        chain, times = kept_times(oracle)
        signal = chain.alpha_bars(torch.tensor(times[::-1], dtype=torch.float64))
        posterior, smallest = Posterior(signal[1:][index], signal[:-1][index]), _smallest(signal)
        largest = torch.cat([smallest[:1], Posterior(signal[2:], signal[1:-1]).beta])
        rounded = _smallest(signal.float().double())
        return cls(index, posterior, smallest[index], largest[index], rounded[index])

    def x0_of_mean(self, mean: Tensor, x_t: Tensor) -> Tensor:
        """The posterior solved for x0."""
        return (mean - over(self.posterior.from_x_t, x_t) * x_t) / over(self.posterior.from_x0, x_t)

    def log_variance(self, kind: str, said: Tensor) -> Tensor:
        """Of a step; `said` is what a network says of it where it is learned, and like it otherwise."""
        if kind == "learned":
            return said
        if kind == "learned_range":
            return learned_log_variance(said.clamp(-1, 1), self.smallest, self.largest)
        return over((self.smallest if kind == "fixed_small" else self.largest).log(), said)

    def bound(self, x0: Tensor, x_t: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
        """The official bound in bits: its divergence turned round, its likelihood that of the true step.

        At the cleanest index the true mean is x0, up to what float32 makes of β / (1 − ᾱ); the bins of the
        likelihood are narrow enough to notice.
        """
        first = self.index == 0
        true_mean = self.posterior.mean(x0, x_t)
        beta = torch.tensor(START, dtype=torch.float32)
        rounded = float(beta / (1 - (1 - beta))) * x0
        said = torch.where(over(first.double(), x0).bool(), rounded, true_mean)
        true_log_variance = over(self.rounded.log(), x0).expand_as(x0)
        return bound_bits((mean, log_variance.expand_as(x0)), (said, true_log_variance), x0, first)


def _smallest(signal: Tensor) -> Tensor:
    variance = Posterior(signal[1:], signal[:-1]).variance
    return torch.cat([variance[1:2], variance[1:]])
