"""One training step of ImgX-DiffSeg, with recycling and without, for masks and for noise."""

from collections.abc import Iterator

import torch
from haiku import network_of, our_names, stored_weights
from imgx_losses import logged, one_hot
from imgx_steps import ReverseSteps, kept_times, log_probabilities
from oracle import Comparison, Oracle, channels_first, compare, exact
from torch import Tensor, nn
from torch.nn import functional as F

from napari_diffseg.diffusion.forward import noised
from napari_diffseg.diffusion.target import x0_from
from napari_diffseg.methods import imgx
from napari_diffseg.methods.method import Batch
from napari_diffseg.methods.segmentation_loss import segmentation_loss

MSE_WEIGHT = 0.1


def recycle(oracle: Oracle) -> Iterator[Comparison]:
    """Both passes, everything logged, and gradients."""
    for name in sorted({name.split(".pass0.")[0] for name in oracle.tensors if ".pass0." in name}):
        target, kind = name.split(".")
        step = _Step(oracle, kind == "recycle")
        loss = step.mask_loss() if target == "x_start" else step.noise_loss()
        loss.backward()
        yield from _passes(step, name)
        for what, value in {"loss": loss, **_logged(step, target)}.items():
            if f"{name}.{what}" in oracle:
                yield compare(f"{name}.{what}", value.reshape(1), oracle[f"{name}.{what}"], rtol=1e-4)
        yield from _gradients(step, name)


class _Step:
    """The oracle's batch, times and noises, and every call of the network in what was asked for.

    In float64, which leaves the official rounding alone in the difference.

    Args:
        oracle: of the training step.
        recycling: noise the network's own prediction.
    """

    def __init__(self, oracle: Oracle, recycling: bool) -> None:
        self.oracle, self.recycling = oracle, recycling
        self.network = network_of(stored_weights(oracle)).double()
        self.mask = one_hot(oracle["label"], self.network.head.out_channels).double()
        self.image, self.noise = oracle["image"][:, None].double(), oracle["noise"].movedim(-1, 2).double()
        self.index = oracle["t"].long()
        self.chain, self.times = kept_times(oracle)
        self.noisier = (self.index + 1).clamp(max=len(self.times) - 2)
        self.calls: list[tuple[Tensor, Tensor]] = []
        self.network.register_forward_hook(self._note)

    def _note(self, network: nn.Module, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        self.calls.append((inputs[0][:, self.image.shape[1] :].detach(), output.detach()))

    def mask_loss(self) -> Tensor:
        """The method's own objective."""
        config = imgx.Config(
            unet=self.network.config,
            train_steps=self.chain.train_steps,
            steps=len(self.times) - 1,
            recycling=self.recycling,
        )
        batch, (recycled, main) = Batch(self.image, self.mask), self.noise
        return imgx.loss_at(config, self.network, batch, self.index, recycled=recycled, main=main).total

    def noise_loss(self) -> Tensor:
        """The ablation that predicts noise, for which there is no method here."""
        x0, (recycled, main) = 2 * self.mask - 1, self.noise
        if self.recycling:
            with torch.no_grad():
                x_t, said = self._call(x0, self.noisier, recycled)
                x0 = self.implied("epsilon", x_t, said, self.noisier)
        x_t, said = self._call(x0, self.index, main)
        logits = log_probabilities(self.implied("epsilon", x_t, said, self.index))
        return segmentation_loss(logits, self.mask).total + MSE_WEIGHT * F.mse_loss(said, main)

    def implied(self, target: str, x_t: Tensor, said: Tensor, index: Tensor) -> Tensor:
        """The clean mask that an answer of the network stands for."""
        if target == "x_start":
            return 2 * said.softmax(1) - 1
        return x0_from("noise", said, x_t, self._signal(index))

    def _call(self, x0: Tensor, index: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        x_t = noised(x0, noise, self._signal(index))
        return x_t, self.network(torch.cat([self.image, x_t], 1), index.float())

    def _signal(self, index: Tensor) -> Tensor:
        return self.chain.alpha_bars(torch.tensor(self.times[-2::-1], dtype=torch.float64)[index])


def _logged(step, target):
    """From the call that is scored."""
    x_t, said = step.calls[-1]
    steps = ReverseSteps.of(step.oracle, step.index)
    x0_hat = step.implied(target, *step.calls[-1], step.index)
    logits = said if target == "x_start" else log_probabilities(x0_hat)
    # the bound takes what was noised for the truth, and with recycling that is the first call's answer
    x0 = step.implied(target, *step.calls[0], step.noisier) if step.recycling else 2 * step.mask - 1
    mean = steps.posterior.mean(x0_hat, x_t)
    bits = steps.bound(x0, x_t, mean, steps.log_variance("fixed_large", mean))
    found = logged(logits, step.mask)
    return {
        "mean_cross_entropy_loss": found["cross_entropy"],
        "mean_dice_loss": found["dice_all"],
        "mean_focal_loss": found["focal"],
        "vlb_loss": bits.mean(),
        "mse_loss": F.mse_loss(said, step.noise[1]),
    }


def _passes(step, name):
    indices = [step.noisier, step.index] if step.recycling else [step.index]
    for number, ((x_t, said), index) in enumerate(zip(step.calls, indices, strict=True)):
        what = f"{name}.pass{number}"
        yield exact(f"{what}.t", index, step.oracle[f"{what}.t"].long())
        yield compare(f"{what}.x_t", x_t, channels_first(step.oracle[f"{what}.x_t"]), atol=2e-4)
        official = channels_first(step.oracle[f"{what}.model_out"])
        yield compare(f"{what}.model_out", said, official, rtol=1e-4, atol=2e-4)


def _gradients(step, name):
    ours = {place: parameter.grad for place, parameter in step.network.named_parameters()}
    norm = torch.stack([gradient.norm() for gradient in ours.values()]).norm()
    yield compare(f"{name}.grad_norm", norm.reshape(1), step.oracle[f"{name}.grad_norm"], rtol=2e-3)
    prefix = f"{name}.grad/"
    named = {key.removeprefix(prefix): key for key in step.oracle.tensors if key.startswith(prefix)}
    official = our_names({key: step.oracle[stored] for key, stored in named.items()})
    for place, gradient in official.items():
        atol = 1e-5 * float(gradient.abs().max())
        yield compare(f"{name}.grad/{place}", ours[place], gradient, rtol=2e-3, atol=atol)


CASES = {"imgx_recycle": recycle}
