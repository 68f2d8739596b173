"""ImgX-DiffSeg's variance schedules, and its forward and reverse steps."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from imgx_steps import END, START, ReverseSteps, log_probabilities
from oracle import Comparison, Oracle, channels_first, compare, exact
from torch import Tensor

from napari_diffseg.diffusion.discrete import DiscreteSchedule
from napari_diffseg.diffusion.forward import noised
from napari_diffseg.diffusion.posterior import Posterior
from napari_diffseg.diffusion.respacing import spread
from napari_diffseg.diffusion.schedule import over
from napari_diffseg.diffusion.target import noise_from, x0_from

NEAR = {"rtol": 2e-5, "atol": 2e-5}
FIRST = {"rtol": 2e-5, "atol": 5e-4}  # what float32 loses in 1 − ᾱ near 1
# Half a step of float32 just below 1: the official signal comes from 1 − β, so where β is near 1 it knows
# no more than this, and its reciprocal root accordingly less.
HALF_STEP = 2.0**-25


@dataclass(frozen=True, eq=False)
class Tabled(DiscreteSchedule):
    """A chain whose betas are given."""

    table: Tensor = None

    @property
    def betas(self):
        return self.table


def schedule(oracle: Oracle) -> Iterator[Comparison]:
    """Every chain, resampled to a few steps, with all tables that the official code derives."""
    for name in sorted({name.split(".")[0] for name in oracle.tensors} - {"first_release"}):
        kind, steps, kept = re.fullmatch(r"([a-z]+\d*)_T(\d+)_K(\d+)", name).groups()
        yield from _chain(oracle, name, _official_chain(kind, int(steps)), int(kept))
    if "first_release.betas" in oracle:
        yield from _first_release(oracle)


def _chain(oracle, name, chain, kept):
    indices = spread(chain.train_steps, kept)
    yield exact(f"{name}.kept_indices", torch.tensor(indices), oracle[f"{name}.kept_indices"].long())
    yield compare(f"{name}.full_betas", chain.betas, oracle[f"{name}.full_betas"], rtol=2e-5)
    signal = chain.alpha_bars(torch.tensor(chain.times_at(indices)[::-1], dtype=torch.float64))
    for what, ours in _tables(signal).items():
        tolerance = NEAR
        if what.startswith("sqrt_recip"):
            tolerance = {"rtol": 5e-4, "atol": HALF_STEP * signal[1:] ** -1.5}
        elif what == "posterior_variance":
            tolerance = {"rtol": 5e-4, "atol": 1e-7}
        elif what.startswith(("posterior", "log")):
            tolerance = FIRST
        elif kept == chain.train_steps:
            tolerance = {"rtol": 5e-4, "atol": 2e-5}
        yield compare(f"{name}.{what}", ours, oracle[f"{name}.{what}"], **tolerance)


def _tables(signal: Tensor) -> dict[str, Tensor]:
    """From the signal at the kept times, cleanest first, with the clean mask's 1 in front."""
    previous, kept = signal[:-1], signal[1:]
    posterior = Posterior(kept, previous)
    variance = posterior.variance
    return {
        "betas": posterior.beta,
        "alphas_cumprod": kept,
        "alphas_cumprod_prev": previous,
        "alphas_cumprod_next": torch.cat([kept[1:], kept.new_zeros(1)]),
        "sqrt_alphas_cumprod": kept.sqrt(),
        "sqrt_one_minus_alphas_cumprod": (1 - kept).sqrt(),
        "log_one_minus_alphas_cumprod": (1 - kept).log(),
        "sqrt_recip_alphas_cumprod": kept.rsqrt(),
        "sqrt_recip_alphas_cumprod_minus_one": (1 / kept - 1).sqrt(),
        "posterior_mean_coeff_start": posterior.from_x0,
        "posterior_mean_coeff_t": posterior.from_x_t,
        "posterior_variance": variance,
        "posterior_log_variance_clipped": torch.cat([variance[1:2], variance[1:]]).log(),
    }


def _official_chain(kind: str, steps: int) -> DiscreteSchedule:
    """The linear chain is ours; the other kinds serve no method here."""
    if kind == "linear":
        return DiscreteSchedule(steps, "linear", START, END)
    if kind == "quadratic":
        return Tabled(steps, table=_quadratic(steps))
    if kind == "cosine":  # not Nichol's: 1 − cos² itself, squeezed between the ends
        angle = (torch.linspace(0, 1, steps, dtype=torch.float64) + 0.008) / 1.008 * torch.pi / 2
        grown = 1 - angle.cos() ** 2
        grown[0] = 0
        return Tabled(steps, table=START + grown * (END - START))
    percent = int(re.fullmatch(r"warmup(\d+)", kind).group(1))
    warm = max(steps * percent // 100, 1)
    flat = torch.full((steps - warm,), END, dtype=torch.float64)
    return Tabled(steps, table=torch.cat([_quadratic(warm), flat]))


def _quadratic(steps: int) -> Tensor:
    return torch.linspace(START**0.5, END**0.5, steps, dtype=torch.float64) ** 2


def _first_release(oracle):
    """The defect of March 2023: one beta too few, the first of them large."""
    official = oracle["first_release.kept_alphas_cumprod"]
    steps = int(re.search(r"first_release.*?\bT=(\d+)", oracle.document["config"]).group(1))
    stride = steps // len(official)
    chain = DiscreteSchedule(steps, "linear", START, END)
    kept = chain.alpha_bars(chain.time(torch.arange(stride - 1, steps, stride)))
    betas = 1 - kept[1:] / kept[:-1]
    yield compare("first_release.kept_alphas_cumprod", kept, official, **NEAR)
    yield compare("first_release.betas", betas, oracle["first_release.betas"], **NEAR)
    products = oracle["first_release.alphas_cumprod"]
    yield compare("first_release.alphas_cumprod", (1 - betas).cumprod(0), products, **NEAR)


@dataclass(frozen=True)
class _Batch:
    """The oracle's masks and noises, and the step that each is to make."""

    oracle: Oracle
    steps: ReverseSteps

    def __getitem__(self, name):
        return channels_first(self.oracle[name]).double()

    def compare(self, name, ours, *, posterior=False, rtol=2e-5):
        """At the oracle's tolerance; `posterior` where the two cleanest indices lose digits in 1 − ᾱ."""
        official = channels_first(self.oracle[name])
        largest = official.double().nan_to_num(0, 0, 0).abs().flatten(1).amax(1).clamp(min=1)
        loses = (self.steps.index <= 1) & torch.tensor(posterior)
        atol = torch.where(loses, 5e-4, 2e-5 * largest)
        return compare(name, ours, official, rtol=rtol, atol=over(atol, ours))


def diffusion(oracle: Oracle) -> Iterator[Comparison]:
    """Forward process, conversions, and one reverse step for every target and variance."""
    batch = _Batch(oracle, ReverseSteps.of(oracle, oracle["t"].long()))
    yield from _forward(batch)
    for name in sorted({name.rsplit(".", 1)[0] for name in oracle.tensors if name.count(".") == 2}):
        yield from _reverse(batch, name, *name.split("."))


def _forward(batch):
    x0, x_t, said, drawn = (batch[name] for name in ("x_start", "q_sample", "model_out", "noise_step"))
    posterior = batch.steps.posterior
    signal, mean = posterior.alpha_bar_t, posterior.mean(x0, x_t)
    sample = noised(x0, batch["noise"], signal)
    yield batch.compare("q_sample", sample)
    yield batch.compare("q_sample_clipped", sample.clamp(-1, 1))
    yield batch.compare("q_mean", over(signal.sqrt(), x0) * x0)
    yield batch.compare("q_log_variance", over((1 - signal).log(), x0), posterior=True)
    yield batch.compare("posterior_mean", mean, posterior=True)
    yield batch.compare("posterior_log_variance", over(batch.steps.smallest.log(), x0), posterior=True)
    yield batch.compare("xprev_from_xstart", mean, posterior=True)
    yield batch.compare("xstart_from_xprev", batch.steps.x0_of_mean(mean, x_t), posterior=True)
    yield batch.compare("xstart_from_epsilon", x0_from("noise", drawn, x_t, signal))
    # divided by √(1 − ᾱ), which float32 knows to four digits where it is 0.01
    yield batch.compare("epsilon_from_xstart", noise_from(said, x_t, signal), rtol=5e-4)
    yield batch.compare("logits_to_x", 2 * said.softmax(1) - 1)
    yield batch.compare("x_to_logits", log_probabilities(batch["x_to_logits_input"]))


def _reverse(batch, name, target, variance):
    x_t, scaled, steps = batch["q_sample"], 2 * batch["model_out"].softmax(1) - 1, batch.steps
    if target == "x_previous":
        x0, mean = steps.x0_of_mean(scaled, x_t), scaled
    else:
        implied = x0_from("noise", batch["model_out"], x_t, steps.posterior.alpha_bar_t)
        x0 = scaled if target == "x_start" else implied
        mean = steps.posterior.mean(x0, x_t)
    log_variance = steps.log_variance(variance, batch["variance_out"])
    again = over((steps.index > 0).double(), x_t)
    sample = mean + again * (log_variance / 2).exp() * batch["noise_step"]
    yield batch.compare(f"{name}.x_start", x0, posterior=target == "x_previous")
    yield batch.compare(f"{name}.mean", mean, posterior=True)
    yield batch.compare(f"{name}.log_variance", log_variance, posterior=True)
    yield batch.compare(f"{name}.ddpm_sample", sample, posterior=True)
    for eta in (0, 1):
        if f"{name}.ddim_sample_eta{eta}" in batch.oracle:
            yield batch.compare(f"{name}.ddim_sample_eta{eta}", _implicit(batch, x0, eta), posterior=True)
    bits = steps.bound(batch["x_start"], x_t, mean, log_variance)
    yield compare(f"{name}.vlb", bits, batch.oracle[f"{name}.vlb"], rtol=1e-3)


def _implicit(batch, x0, eta):
    """A DDIM step as the official code has it: eta times the LOG of a variance where a deviation belongs."""
    x_t, posterior = batch["q_sample"], batch.steps.posterior
    step_std = eta * batch.steps.smallest.log()
    kept = (1 - posterior.alpha_bar_s - step_std**2).sqrt()
    mean = over(posterior.alpha_bar_s.sqrt(), x0) * x0
    mean = mean + over(kept, x0) * noise_from(x0, x_t, posterior.alpha_bar_t)
    again = over((batch.steps.index > 0).double(), x_t)
    return mean + again * over(step_std, x_t) * batch["noise_step"]


CASES = {"imgx_schedule": schedule, "imgx_diffusion": diffusion}
