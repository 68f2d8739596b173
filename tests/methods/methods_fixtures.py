"""Real crops as batches, and every method at tiny width in 2D and 3D."""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from napari_diffseg.checkpoints.checkpoint import save_checkpoint
from napari_diffseg.checkpoints.document import Channel, Document
from napari_diffseg.diffusion.draws import Draws
from napari_diffseg.io.nifti import read_channels, read_labels, read_volume
from napari_diffseg.methods.method import COORDINATES, Batch
from napari_diffseg.methods.registry import method
from napari_diffseg.preparation.preparation import Preparation
from napari_diffseg.preparation.prepared import prepare
from napari_diffseg.results.result import ClassInfo
from napari_diffseg.volume.grid import Box

DATA = Path(__file__).parents[1] / "data"

GUIDED = {"width": 16, "multipliers": (1, 1, 2), "blocks": 1, "attention_at": (4,), "groups": 8}
TINY = {
    "ensemdiff": {"unet": GUIDED},
    "patchddm": {
        "unet": GUIDED | {"attention_at": (), "middle_attention": False, "skips": "averaged"},
        "patch": 16,
    },
    "imgx": {"unet": {"widths": (8, 16)}},
    "imgx-unet": {"unet": {"widths": (8, 16), "time": "none"}},
    "medsegdiff": {
        "unet": {
            "width": 16, "multipliers": (1, 1, 2), "blocks": (1,), "attention_at": (4,), "groups": 8,
            "training_size": 32,
        }
    },
    "ambiguous": {"unet": GUIDED | {"longest_period": 10.0}},
    "guided-unet": {"unet": GUIDED | {"longest_period": 10.0}},
}  # fmt: skip
"""What differs from each method's paper to make it quick."""


def tiny_config(name, dimensions):
    """The config of a method at tiny width."""
    changes = TINY[name]
    unet = changes["unet"] | {"dimensions": dimensions}
    return method(name).load().Config.model_validate(changes | {"unet": unet})


def save_untrained(name, dimensions, path):
    """A checkpoint of the method at tiny width, of two classes and one channel."""
    module, config = method(name).load(), tiny_config(name, dimensions)
    document = Document(
        name=f"tiny {name} {dimensions}D",
        title="Tiny test model",
        method=name,
        config=config.model_dump(mode="json"),
        classes=(ClassInfo("anterior", "#e4572e"), ClassInfo("posterior", "#2e86ab")),
        channels=(Channel(name="t1", modality="MR"),),
        preparation=Preparation(domain="scan", multiple=config.divisor),
    )
    torch.manual_seed(0)
    save_checkpoint(path, document, awake(module.build(config, channels=1, classes=3)).state_dict())


def awake(network):
    """The network, its answer dependent on its input: heads start at zero in most papers."""
    for value in network.state_dict().values():
        value += 0.1 * torch.randn(value.shape)
    return network


def draws_for(batch, step):
    """The random numbers of a step whose whole batch this is."""
    return Draws(0, step, range(len(batch.mask)), len(batch.mask))


def real_batch(config, *, data="hippocampus"):
    """Two real cases: 32³ voxels, or 32² pixels of the slice with most foreground."""
    image, labels = {"hippocampus": _hippocampus, "ms": _ms_lesions}[data]()
    if config.unet.dimensions == 2:
        best = (labels > 0).flatten(2).sum(2).argmax(1)
        image = torch.stack([one[:, at] for one, at in zip(image, best, strict=True)])
        labels = torch.stack([one[at] for one, at in zip(labels, best, strict=True)])
    if config.coordinates:
        places = torch.linspace(-1, 1, 32).expand(len(image), COORDINATES, *image.shape[2:])
        image = torch.cat([image, places], 1)
    return Batch(image, F.one_hot(labels).movedim(-1, 1).float())


def _hippocampus():
    images, masks = [], []
    for name in ("hippocampus_017", "hippocampus_148"):
        scan = read_volume(DATA / "hippocampus" / "images" / f"{name}.nii.gz")
        labels = read_labels(DATA / "hippocampus" / "labels" / f"{name}.nii.gz").data
        image = prepare(Preparation(domain="scan"), scan, Box.whole(scan.grid.shape)).image
        inside = tuple(slice((n - 32) // 2, (n - 32) // 2 + 32) for n in labels.shape)
        images.append(image[(slice(None), *inside)])
        masks.append(torch.from_numpy(labels[inside].astype(np.int64)))
    return torch.stack(images), torch.stack(masks)


def _ms_lesions():
    folder = DATA / "ms_lesions"
    scan = read_channels({n: folder / f"{n}.nii.gz" for n in ("t1", "t1_contrast", "t2", "flair")})
    labels = torch.from_numpy(read_labels(folder / "lesions.nii.gz").data.astype(np.int64))
    image = prepare(Preparation(), scan, Box.whole(scan.grid.shape)).image
    places = [(slice(0, 32), slice(0, 32), slice(a, a + 32)) for a in (0, 32)]
    return torch.stack([image[(slice(None), *at)] for at in places]), torch.stack(
        [labels[at] for at in places]
    )
