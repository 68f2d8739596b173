"""Schedules, single steps, objectives and trajectories of EnsemDiff and PatchDDM."""

import re
from dataclasses import asdict, dataclass

import torch
from oracle import Oracle, StoredNoise, compare, exact
from torch import Tensor

from napari_diffseg.diffusion.ddim import ddim
from napari_diffseg.diffusion.ddpm import ddpm
from napari_diffseg.diffusion.discrete import DiscreteSchedule
from napari_diffseg.diffusion.forward import noised
from napari_diffseg.diffusion.posterior import Posterior, learned_log_variance
from napari_diffseg.diffusion.respacing import spread, strided
from napari_diffseg.diffusion.schedule import over
from napari_diffseg.diffusion.target import denoised
from napari_diffseg.diffusion.variational import bound_bits
from napari_diffseg.methods import ensemdiff, patchddm
from napari_diffseg.methods.method import Batch
from napari_diffseg.methods.noise_prediction import NoisyMask, hybrid_loss, loss_of
from napari_diffseg.networks.guided_blocks import sinusoid
from networks import guided_unet

CLIP = (-1.0, 1.0)


@dataclass(frozen=True)
class Chain:
    """A training chain and the indices of it that are kept, by an oracle's name for both."""

    schedule: DiscreteSchedule
    kept: list[int]

    @classmethod
    def named(cls, name: str) -> "Chain":
        found = re.match(r"(?:.*?(linear|cosine))?(\d+)?(?:@(.*))?$", name)
        kind, length, respacing = found.groups() if found else (None, None, None)
        schedule = DiscreteSchedule.guided(int(length or 1000), kind or "linear")
        return cls(schedule, respaced(schedule.train_steps, respacing))

    def signal(self) -> Tensor:
        """Signal kept at each kept index."""
        return self.schedule.alpha_bars(self.schedule.time(torch.tensor(self.kept)))

    def posterior(self) -> Posterior:
        """Of each kept index, its predecessor the less noisy."""
        signal = self.signal()
        return Posterior(signal, torch.cat([torch.ones(1, dtype=torch.float64), signal[:-1]]))

    def smallest_log_variance(self) -> Tensor:
        """The second entry stands in for the first, whose variance is 0."""
        variance = self.posterior().variance
        return torch.cat([variance[1:2], variance[1:]]).log()

    def times(self, at: int) -> list[float]:
        """A kept index and the one before it as times."""
        before = self.schedule.times_at([self.kept[at - 1]])[0] if at else 0.0
        return [self.schedule.times_at([self.kept[at]])[0], before]


class InFloat32(DiscreteSchedule):
    """Signal rounded before 1 − ᾱ is taken, as the official DDIM does.

    It shows where the recorded output is taken for x0, which no method of this family does: the noise
    that follows from it is some hundred times too large.
    """

    def alpha_bar(self, t: float) -> Tensor:
        return super().alpha_bar(t).float()


def respaced(length: int, words: str | None) -> list[int]:
    if words is None:
        return list(range(length))
    if words.startswith("ddim"):
        return strided(length, int(words.removeprefix("ddim")))
    return spread(length, *map(int, words.split(",")))


def schedules(oracle: Oracle):
    tables = [name for name in oracle.tensors if not name.startswith("temb")]
    for process in dict.fromkeys(name.rsplit("/", 1)[0] for name in tables):
        chain = Chain.named(process)
        betas = chain.posterior().beta if "@" in process else chain.schedule.betas
        signal = (1 - betas).cumprod(0)  # the official tables are made from betas, also after respacing
        posterior = Posterior(signal, torch.cat([torch.ones(1, dtype=torch.float64), signal[:-1]]))
        ours = {
            "betas": betas,
            "alphas_cumprod": signal,
            "alphas_cumprod_prev": posterior.alpha_bar_s,
            "posterior_variance": posterior.variance,
            "posterior_log_variance_clipped": chain.smallest_log_variance(),
            "posterior_mean_coef1": posterior.from_x0,
            "posterior_mean_coef2": posterior.from_x_t,
            "sqrt_recip_alphas_cumprod": (1 / signal).sqrt(),
            "sqrt_recipm1_alphas_cumprod": (1 / signal - 1).sqrt(),
            "timestep_map": torch.tensor(chain.kept),
        }
        for name in tables:
            if name.startswith(process + "/"):
                kind = name.rsplit("/", 1)[1]
                if kind == "timestep_map":
                    yield exact(name, ours[kind], oracle[name])
                else:
                    yield compare(name, ours[kind], oracle[name], rtol=1e-12)
    for name in oracle.tensors:
        if name.startswith("temb") and name.endswith("/emb"):
            t = oracle[name.replace("/emb", "/t")].float()
            yield compare(name, sinusoid(t, oracle[name].shape[1], 10_000.0), oracle[name], atol=1e-5)


def diffusion_steps(oracle: Oracle):
    """Every official process on recorded network outputs, item by item."""
    x0 = (oracle["label"] > 0).float()
    processes = dict.fromkeys(name.split("/")[0] for name in oracle.tensors if "/" in name)
    for process in processes:
        chain = Chain.named(process)
        index = oracle[f"{process}/t"]
        at = torch.tensor(chain.kept)[index]
        posterior = Posterior(*(table[index] for table in _tables(chain)))
        x_t = noised(x0, oracle["noise"], posterior.alpha_bar_t)
        yield compare(f"{process}/q_sample", x_t, oracle[f"{process}/q_sample"], rtol=1e-5, atol=1e-5)
        yield compare(
            f"{process}/q_posterior_mean", posterior.mean(x0, x_t), oracle[f"{process}/q_posterior_mean"],
            rtol=1e-5, atol=_tight(at),
        )  # fmt: skip
        seen = torch.tensor([chain.schedule.index(chain.times(int(k))[0]) for k in index])
        yield exact(f"{process}/t_seen_by_model", seen, oracle[f"{process}/t_seen_by_model"])
        yield from _reverse(oracle, process, chain, x_t)


def _tables(chain: Chain) -> tuple[Tensor, Tensor]:
    posterior = chain.posterior()
    return posterior.alpha_bar_t, posterior.alpha_bar_s


def _tight(at: Tensor) -> float:
    """Wider where t = 0 to 2 divide by tiny numbers (the oracle's own rule)."""
    return 1e-4 if int(at.min()) <= 2 else 1e-5


def _reverse(oracle: Oracle, process: str, chain: Chain, x_t: Tensor):
    index, output = oracle[f"{process}/t"], oracle["model_output"]
    fixed = re.search(r"fixed(large|small)", process)
    target = "x0" if "xstart" in process else "noise"
    main, spread_ = output[:, :1], None if fixed else output[:, 1:2]
    posterior = Posterior(*(table[index] for table in _tables(chain)))
    smallest, largest = chain.smallest_log_variance(), chain.posterior().beta.log()
    if fixed:
        table = smallest
        if fixed[1] == "large":
            table = torch.cat([smallest[:1], largest[1:]])
        log_variance = over(table[index], x_t).expand_as(x_t)
    else:
        log_variance = learned_log_variance(spread_, smallest[index].exp(), largest[index].exp())
    tight = _tight(torch.tensor(chain.kept)[index])
    for clip in ("clip1", "clip0"):
        said = denoised(
            target, main, x_t, posterior.alpha_bar_t, clip=CLIP if clip == "clip1" else None, spread=spread_
        )
        found = {
            "mean": posterior.mean(said.x0, x_t),
            "pred_xstart": said.x0,
            "log_variance": log_variance,
        }
        for name, ours in found.items():
            yield compare(
                f"{process}/{clip}/{name}", ours, oracle[f"{process}/{clip}/{name}"], rtol=1e-5, atol=tight
            )
    variance = fixed[1] if fixed else "learned"
    yield compare(
        f"{process}/p_sample", _stepped(oracle, chain, index, x_t, target, "ddpm", variance=variance),
        oracle[f"{process}/p_sample"], rtol=1e-5, atol=tight,
    )  # fmt: skip
    for name in oracle.tensors:
        if name.startswith(f"{process}/ddim_eta"):
            eta = float(re.search(r"eta([\d.]+)", name)[1])
            ours = _stepped(oracle, chain, index, x_t, target, "ddim", eta=eta)
            # the official result has the image's channels too; only the mask's is a DDIM step
            yield compare(name, ours, oracle[name][:, -1:], rtol=1e-5, atol=1e-4)


def _stepped(oracle: Oracle, chain: Chain, index: Tensor, x_t: Tensor, target: str, sampler: str, **options):
    """One step of a sampler for each item, each at its own index."""
    output, noise = oracle["model_output"], oracle["step_noise"]
    found = []
    for item, k in enumerate(index.tolist()):
        one = slice(item, item + 1)
        main, spread_ = output[one, :1], output[one, 1:2]

        def denoise(x, t, main=main, spread_=spread_):
            return denoised(target, main, x, chain.schedule.alpha_bar(t), clip=CLIP, spread=spread_)

        stored = StoredNoise(torch.stack([x_t[one], noise[one]]))
        run = ddpm if sampler == "ddpm" else ddim
        schedule = (
            InFloat32(**asdict(chain.schedule)) if (target, sampler) == ("x0", "ddim") else chain.schedule
        )
        (state,) = run(denoise, schedule, x_t[one], chain.times(k), noise=stored, **options)
        found.append(state.x_t)
    return torch.cat(found)


def losses(oracle: Oracle):
    """Loss terms of every process, and the gradient that reaches the network's output."""
    image = oracle["image"]
    mask = (oracle["label"] > 0).float()
    for process in dict.fromkeys(name.split("/")[0] for name in oracle.tensors if "/" in name):
        length = re.search(r"_T(\d+)", process)
        schedule = DiscreteSchedule.guided(
            int(length[1]) if length else 1000, "cosine" if "cosine" in process else "linear"
        )
        fixed = f"{process}/vb" not in oracle
        output = oracle["model_output"][:, : 1 if fixed else 2].clone().requires_grad_()
        batch = Batch(image, torch.cat([1 - mask, mask], 1))
        noisy = NoisyMask.at(schedule, batch, oracle[f"{process}/t"], oracle["noise"])
        seen = torch.cat([image, noisy.x_t], 1)
        yield compare(
            f"{process}/x_seen_by_model", seen, oracle[f"{process}/x_seen_by_model"], rtol=1e-5, atol=1e-5
        )
        parts = hybrid_loss(schedule, output, noisy)
        if not fixed and "rescaled" not in process:  # the plain loss type, which no method here uses
            parts["variance_bound"] = parts["variance_bound"] / (schedule.train_steps / 1000)
        total = torch.stack([*parts.values()]).sum(0)
        total.sum().backward()
        found = {"mse": parts["noise_error"], "loss": total} | (
            {} if fixed else {"vb": parts["variance_bound"]}
        )
        for name, ours in found.items():
            yield compare(f"{process}/{name}", ours, oracle[f"{process}/{name}"], rtol=1e-4, atol=1e-6)
        yield compare(
            f"{process}/grad_model_output", output.grad, oracle[f"{process}/grad_model_output"],
            rtol=1e-3, atol=1e-6,
        )  # fmt: skip
        if not fixed:
            yield from _bounds(oracle, process, schedule, noisy, output.detach())


def _bounds(oracle: Oracle, process: str, schedule: DiscreteSchedule, noisy: NoisyMask, output: Tensor):
    """The bound with and without clipping x0; the objective has it without."""
    chain = Chain(schedule, list(range(schedule.train_steps)))
    posterior = Posterior(*(table[noisy.index] for table in _tables(chain)))
    smallest = chain.smallest_log_variance()[noisy.index]
    log_variance = learned_log_variance(output[:, 1:], smallest.exp(), posterior.beta)
    for clip in ("clip1", "clip0"):
        said = denoised(
            "noise", output[:, :1], noisy.x_t, posterior.alpha_bar_t, clip=CLIP if clip == "clip1" else None
        )
        truth = posterior.mean(noisy.x0, noisy.x_t), over(smallest, noisy.x0).expand_as(noisy.x0)
        model = posterior.mean(said.x0, noisy.x_t), log_variance
        bits = bound_bits(truth, model, noisy.x0, noisy.index == 0)
        name = f"{process}/vb_terms_{clip}"
        yield compare(name, bits, oracle[name], rtol=1e-4, atol=1e-6)


def wolleb_trajectory(oracle: Oracle):
    """EnsemDiff's own sampler on the stored network; its last noise is drawn and not used."""
    source = oracle.sibling(oracle.document["weights_from"])
    network = guided_unet(source.document["config"], source.weights, family="wolleb")
    for run in dict.fromkeys(name.split("/")[0] for name in oracle.tensors):
        if "bug" in run:
            yield from _drifting(oracle, run, network)
            continue
        image, states = oracle[f"{run}/image"], oracle[f"{run}/x"]
        kind = "cosine" if "cosine" in run else "linear"
        length = re.search(r"_T(\d+)", run)
        config = ensemdiff.Config(
            unet=network.config, noise_schedule=kind, train_steps=int(length[1]) if length else 1000
        )
        steps = len(states) - 1
        kept = sorted(oracle[f"{run}/timestep_map"].tolist())
        if kept == spread(config.train_steps, steps):
            yield exact(f"{run}/timestep_map", config.schedule.times(steps), config.schedule.times_at(kept))
        found = _drawn(oracle, run, config, network, image, config.schedule.times_at(kept))
        for k, state in enumerate(found):
            yield compare(f"{run}/x[{k + 1}]", state.x_t, states[k + 1], atol=1e-4 if k < 5 else 1e-3)
            official = oracle[f"{run}/pred_xstart"][k]
            yield compare(f"{run}/pred_xstart[{k}]", state.x0, official, atol=1e-3)


def _drawn(oracle: Oracle, run: str, config, network, image, times):
    from napari_diffseg.methods.noise_prediction import denoise

    noise = StoredNoise(torch.cat([oracle[f"{run}/x"][:1], oracle[f"{run}/noises"]]))

    def said(x_t, t):
        return denoise(config.schedule, network, image, x_t, t)

    eta = re.search(r"eta([\d.]+)", run)
    if eta:
        return list(ddim(said, config.schedule, noise.at(0), times, noise=noise, eta=float(eta[1])))
    return list(ddpm(said, config.schedule, noise.at(0), times, noise=noise, variance="learned"))


@torch.no_grad()
def _drifting(oracle: Oracle, run: str, network):
    """The official DDIM loop at 1 × 5 × 224 × 224: the step is taken on the image's channels too."""
    states = oracle[f"{run}/x"]
    x = torch.cat([oracle[f"{run}/image"], states[0]], 1)
    config = ensemdiff.Config(unet=network.config)
    steps = len(states) - 1
    chain = Chain(config.schedule, _bug_indices(oracle, run, config.schedule.train_steps, steps))
    for k in range(steps):
        at = len(chain.kept) - 1 - k
        posterior = Posterior(*(table[at] for table in _tables(chain)))
        output = network(x, torch.full((len(x),), float(chain.kept[at])))
        said = denoised("noise", output[:, :1], x[:, -1:], posterior.alpha_bar_t, clip=CLIP)
        every = (x / posterior.alpha_bar_t.sqrt() - said.x0) / (1 / posterior.alpha_bar_t - 1).sqrt()
        x = posterior.alpha_bar_s.sqrt() * said.x0 + (1 - posterior.alpha_bar_s).sqrt() * every
        yield compare(f"{run}/x[{k + 1}]", x[:, -1:], states[k + 1], atol=1e-4 if k < 5 else 1e-3)


def _bug_indices(oracle: Oracle, run: str, train_steps: int, steps: int) -> list[int]:
    if f"{run}/timestep_map" in oracle:
        return oracle[f"{run}/timestep_map"].tolist()
    return strided(train_steps, steps)


def pddm_trajectory(oracle: Oracle):
    """DDIM on the stored network: accelerated, respaced, and all the way."""
    source = oracle.sibling(oracle.document["weights_from"])
    network = guided_unet(source.document["config"], source.weights, family="patchddm")
    config = patchddm.Config(unet=network.config, train_steps=_chain_length(oracle))
    for run in dict.fromkeys(name.split("/")[0] for name in oracle.tensors):
        if run.startswith("accelerated_indices"):
            yield from _official_times(oracle, run, config)
        else:
            yield from _walked(oracle, run, config, network)


def _chain_length(oracle: Oracle) -> int:
    found = re.search(r"T\s*=\s*(\d+)", oracle.document["config"])
    return int(found[1]) if found else 1000


def _official_times(oracle: Oracle, run: str, config: patchddm.Config):
    """Our times are the official indices; theirs end at minus the last step, where ᾱ is held at index 0."""
    t, before = oracle[f"{run}/t"], oracle[f"{run}/t_prev"]
    ours = [config.schedule.index(time) for time in config.schedule.times(len(t))[:-1]]
    yield exact(f"{run}/t", torch.tensor(ours), t.long())
    yield exact(f"{run}/t_prev", torch.tensor([*ours[1:], -ours[-2]]), before.long())


def _walked(oracle: Oracle, run: str, config: patchddm.Config, network):
    from napari_diffseg.methods.noise_prediction import denoise

    schedule, image, start = config.schedule, oracle[f"{run}/image_and_coords"], oracle[f"{run}/x_T"]
    states = oracle[f"{run}/x"]
    if run.startswith("accelerated"):
        times = [*schedule.times(len(states))[:-1], schedule.times_at([0])[0]]
        kept = range(len(states))
    elif run.startswith("full"):
        times = schedule.times_at(list(range(schedule.train_steps)))
        kept = oracle[f"{run}/kept_steps"].tolist()
    else:
        times = schedule.times_at(respaced(schedule.train_steps, run.split("_", 1)[1]))
        kept = range(len(states))

    def said(x_t, t):
        return denoise(schedule, network, image, x_t, t)

    noise = StoredNoise(start[None])
    found = list(ddim(said, schedule, start, times, noise=noise))
    tolerance = 1e-3 if run.startswith("full") else 1e-4
    for row, k in enumerate(kept):
        yield compare(f"{run}/x[{k}]", found[k].x_t, states[row], atol=tolerance)
        if f"{run}/pred_xstart" in oracle:
            official = oracle[f"{run}/pred_xstart"][row]
            # Of one state x_0 is the network's output times √(1/ᾱ − 1), 157 at the noisy end, and there
            # the official float32 numbers are up to 1.5e-4 from the same run in float64. A tenth of what
            # the network's own oracle allows its output is added for that; the states are held to 1e-4.
            amplified = 2e-6 * float((1 / schedule.alpha_bar(times[k]) - 1).sqrt())
            yield compare(f"{run}/pred_xstart[{k}]", found[k].x0, official, atol=tolerance + amplified)


def pddm_loss(oracle: Oracle):
    source = oracle.sibling(oracle.document["weights_from"])
    network = guided_unet(source.document["config"], source.weights, family="patchddm")
    schedule = patchddm.Config(unet=network.config, train_steps=_chain_length(oracle)).schedule
    mask = oracle["label"]
    batch = Batch(oracle["image_and_coords"], torch.cat([1 - mask, mask], 1))
    for run in dict.fromkeys(name.split("/")[0] for name in oracle.tensors if "/" in name):
        noisy = NoisyMask.at(schedule, batch, torch.tensor([int(run[1:])]), oracle["noise"])
        with torch.no_grad():
            output = network(torch.cat([batch.image, noisy.x_t], 1), noisy.index.float())
            loss = loss_of(schedule, network, batch, noisy)
        yield compare(f"{run}/model_output", output, oracle[f"{run}/model_output"], rtol=1e-4, atol=2e-5)
        yield compare(f"{run}/loss", loss.total.reshape(1), oracle[f"{run}/loss"], rtol=1e-4)


CASES = {
    "gd_schedules": schedules,
    "wolleb_diffusion_steps": diffusion_steps,
    "wolleb_losses": losses,
    "wolleb_trajectory": wolleb_trajectory,
    "pddm_trajectory": pddm_trajectory,
    "pddm_loss": pddm_loss,
}
