"""Learning rates, augmentation, preparation and patches, as the official codes train.

Where ours is the same it is ours that is compared; what no method here takes over is written here.
"""

import math

import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own custom)
import torch
from monai.transforms import Affine
from oracle import Oracle, compare, exact

from napari_diffseg.methods import ambiguous
from napari_diffseg.preparation.axis import coordinates
from napari_diffseg.training.config import TrainConfig
from napari_diffseg.training.trainer import learning_rate


def ambiguous_rates(oracle: Oracle):
    told = oracle.document["config"]
    config = TrainConfig(
        steps=told["max_iter"],
        learning_rate=told["lr"],
        warmup_steps=told["warmup"],
        decay_steps=told["decay"],
    )
    yield compare("rate", rates(config, oracle["step"]), oracle["lr"], rtol=1e-9)


def imgx_rates(oracle: Oracle):
    """Ours between the official code's ends: warm-up from a tenth, decay to a hundredth."""
    told = oracle.document["config"]
    shape = rates(
        TrainConfig(steps=told["decay_steps"], learning_rate=1.0, warmup_steps=told["warmup_steps"]),
        oracle["step"],
    )
    end = torch.where(oracle["step"] < told["warmup_steps"], told["init_value"], told["end_value"]).double()
    yield compare("rate", end + (told["peak_value"] - end) * shape, oracle["lr"], rtol=1e-5)


def rates(config: TrainConfig, steps: torch.Tensor) -> torch.Tensor:
    return torch.tensor([learning_rate(config, step) for step in steps.tolist()], dtype=torch.float64)


def imgx_affine(oracle: Oracle):
    """MONAI's resampling, which ours uses, under the official matrix."""
    for number, official in enumerate(oracle["matrix"]):
        turned = rotation(oracle["radians"][number].double())
        matrix = torch.eye(4, dtype=torch.float64)
        matrix[:3, :3] = torch.diag(oracle["scales"][number].double()) @ turned
        matrix[:3, 3] = oracle["shifts"][number].double()
        yield compare(f"matrix {number}", matrix[: len(official)], official, atol=1e-4)
        middle = (torch.tensor(oracle["image"].shape[1:]).double() - 1) / 2
        places = torch.stack(torch.meshgrid(*map(torch.arange, oracle["image"].shape[1:]), indexing="ij"))
        away = places.flatten(1).double() - middle[:, None]
        grid = (matrix[:3, :3] @ away + (middle + matrix[:3, 3])[:, None]).reshape(places.shape)
        yield compare(f"grid {number}", grid, oracle["grid"][number], atol=1e-4)
        image = resampled(oracle["image"][number], matrix, "bilinear")
        yield compare(f"image {number}", image, oracle["out_image"][number], atol=1e-4)
        decided = ((grid % 1 - 0.5).abs() >= 1e-4).all(dim=0)
        label = resampled(oracle["label"][number].float(), matrix, "nearest").int()
        yield exact(f"label {number}", label[decided], oracle["out_label"][number][decided])


def rotation(radians: torch.Tensor) -> torch.Tensor:
    """About x, then y, then z."""
    turned = torch.eye(3, dtype=torch.float64)
    for axis, angle in enumerate(radians.tolist()):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        one = torch.eye(3, dtype=torch.float64)
        one[first, first] = one[second, second] = math.cos(angle)
        one[first, second], one[second, first] = -math.sin(angle), math.sin(angle)
        turned = one @ turned
    return turned


def resampled(values: torch.Tensor, matrix: torch.Tensor, mode: str) -> torch.Tensor:
    change = Affine(affine=matrix, mode=mode, padding_mode="zeros", image_only=True)
    return torch.as_tensor(change(values[None]))[0]


def imgx_normalise(oracle: Oracle):
    """The official preparation: cut around the label, which a scan to be segmented does not have."""
    for modality, window in (("mr", (-np.inf, np.inf)), ("ct", (-991, 362))):
        image, label = (oracle[f"{modality}.{what}"].numpy() for what in ("image", "label"))
        spacing, target = (oracle[f"{modality}.{what}"].tolist() for what in ("spacing", "target_spacing"))
        image = on_spacing(image, spacing, target, sitk.sitkLinear)
        label = on_spacing(label, spacing, target, sitk.sitkNearestNeighbor)
        official = oracle[f"{modality}.resampled_image"]
        greatest = float(official.abs().max())
        yield compare(f"{modality} resampled", torch.from_numpy(image), official, atol=1e-5 * greatest)
        window_of_it = cut(label, oracle[f"{modality}.target_shape"].tolist())
        image = np.clip(padded(image, window_of_it), *window)
        image = (image - image.min()) / (image.max() - image.min())
        yield compare(
            f"{modality} image", torch.from_numpy(image), oracle[f"{modality}.out_image"], atol=2e-5
        )
        found = torch.from_numpy(padded(label, window_of_it).astype(np.int32))
        yield exact(f"{modality} label", found, oracle[f"{modality}.out_label"].int())


def on_spacing(values: np.ndarray, spacing: list[float], target: list[float], how: int) -> np.ndarray:
    """The first voxel's outer corner stays; zeros come in from outside."""
    volume = sitk.GetImageFromArray(values.T.copy())
    volume.SetSpacing(spacing)
    size = [round(n * own / new) for n, own, new in zip(values.shape, spacing, target, strict=True)]
    origin = [(new - own) / 2 for own, new in zip(spacing, target, strict=True)]
    moved = sitk.Resample(volume, size, sitk.Transform(), how, origin, target, volume.GetDirection(), 0.0)
    return sitk.GetArrayFromImage(moved).T


def cut(label: np.ndarray, target: list[int]) -> list[tuple[int, int]]:
    """First voxel and size along each axis: small volumes padded evenly, large ones cut round the label."""
    found = []
    for axis, (have, want) in enumerate(zip(label.shape, target, strict=True)):
        if have <= want:
            found.append((-((want - have) // 2), want))
            continue
        marked = np.flatnonzero(label.any(axis=tuple({0, 1, 2} - {axis})))
        start = max(0, math.ceil((marked[0] + marked[-1]) / 2 - want / 2))
        found.append((min(start, have - want), want))
    return found


def padded(values: np.ndarray, window: list[tuple[int, int]]) -> np.ndarray:
    before = [max(0, -start) for start, _ in window]
    after = [max(0, start + size - n) for (start, size), n in zip(window, values.shape, strict=True)]
    whole = np.pad(values, list(zip(before, after, strict=True)))
    return whole[tuple(slice(max(0, start), max(0, start) + size) for start, size in window)]


def ambiguous_data(oracle: Oracle):
    """The official code goes by way of bytes; the colours are ours."""
    seen = (oracle["raw_image"] * 255).clamp(0, 255).to(torch.uint8).double() / 255
    ours = ambiguous._as_imagenet(seen[:, None])
    yield compare("image", ours, oracle["image"], atol=2e-6)
    yield exact("masks", oracle["raw_masks"].float(), oracle["mask"])


def patch_law(oracle: Oracle):
    """The official code's law is U(±1/4) + U(±3/4); ours is the paper's (`patchddm.patch_start`)."""
    whole, patch = len(oracle["coord_axis"]), len(oracle["seed0/coord0_line"])
    near, far = (whole - patch) // 4 + 1, 3 * (whole - patch) // 4 + 1
    law = np.convolve(np.full(near, 1 / near), np.full(far, 1 / far))
    yield compare("law", torch.from_numpy(law), oracle["start_pmf"], atol=1e-12)
    yield compare("coordinates", coordinates(0, whole, whole), oracle["coord_axis"], atol=1e-6)
    draws = np.random.RandomState(5)
    several = [draws.randint(0, near, 3) + draws.randint(0, far, 3) for _ in oracle["draws"]]
    yield exact("draws", torch.from_numpy(np.stack(several)), oracle["draws"])
    for name in sorted({name.partition("/")[0] for name in oracle.tensors if name.startswith("seed")}):
        seeded = np.random.RandomState(int(name.removeprefix("seed")))
        start = seeded.randint(0, near, 3) + seeded.randint(0, far, 3)
        yield exact(f"{name} start", torch.from_numpy(start), oracle[f"{name}/start"])
        lines = torch.stack([coordinates(first, patch, whole) for first in start.tolist()])
        yield compare(f"{name} coordinates", lines[0], oracle[f"{name}/coord0_line"], atol=1e-6)
        yield compare(f"{name} first", lines[:, 0], oracle[f"{name}/coord_min"], atol=1e-6)
        yield compare(f"{name} last", lines[:, -1], oracle[f"{name}/coord_max"], atol=1e-6)
    yield from split(oracle)


def split(oracle: Oracle):
    parts = [oracle[f"split_seed0/{part}"] for part in ("train", "validation", "test")]
    sizes = [len(part) for part in parts]
    numbers = np.arange(1, sum(sizes) + 1)
    np.random.RandomState(0).shuffle(numbers)
    for part, found in zip(parts, np.split(numbers, np.cumsum(sizes)[:-1]), strict=True):
        yield exact(f"part of {len(part)}", torch.from_numpy(np.sort(found)), part)


CASES = {
    "amb_lr": ambiguous_rates,
    "imgx_lr": imgx_rates,
    "imgx_affine": imgx_affine,
    "imgx_normalise": imgx_normalise,
    "amb_data": ambiguous_data,
    "pddm_patch_law": patch_law,
}
