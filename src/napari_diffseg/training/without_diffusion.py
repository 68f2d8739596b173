"""The control of a run: the same network without diffusion, on the same cases and budget.

Data, parts, preparation, augmentation, optimiser and steps are the run's own; the objective, and with it the
network's input and output, are those of the method that the registry names. Importing this brings no torch.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from napari_diffseg.datasets.split import read_split, write_split
from napari_diffseg.errors import TrainingError
from napari_diffseg.methods.registry import method
from napari_diffseg.training.config import RunConfig, TrainConfig, write_run
from napari_diffseg.training.folder import CACHE, RUN, SPLIT

WITHOUT_DIFFUSION = "without-diffusion"
"""The control's run folder, inside the run's."""

_MOST_OF_A_NAME = 100
_OF_TWO_ENCODERS = ("conditioning", "training_size")
_OF_A_HIGHWAY = ("version", "training_size", "projection")


def control_of(config: RunConfig) -> RunConfig:
    """The settings of a run's control.

    Raises:
        TrainingError: the method has no counterpart without diffusion, or does not take the run's settings.
        CheckpointError: there is no such method.
    """
    entry = method(config.method)
    if not entry.control:
        raise TrainingError(
            f"There is no network without diffusion to hold {entry.title} against. Leave --with-control out."
        )
    from napari_diffseg.training.start import in_full, settings_of  # brings torch

    settings = settings_of(config)
    shape = _SHAPES.get(config.method, dict)(settings.unet.model_dump(mode="json"))
    control = config.model_copy(
        update={
            "name": f"{config.name[:_MOST_OF_A_NAME]} {WITHOUT_DIFFUSION}",
            "method": entry.control,
            "config": {"unet": shape} | ({"places": True} if settings.coordinates else {}),
            "train": _budget(config, settings),
            "validation": config.validation.model_copy(update={"members": 1, "steps": None}),
            "with_control": False,
        }
    )
    return in_full(control)


def make_control(run: Path, config: RunConfig) -> Path:
    """Make the run folder of a run's control, or bring it up to date with the run's settings.

    Args:
        run: whose cases have been parted.
        config: of the run.

    Raises:
        DiffSegError: the run has no split, or no control.
    """
    control, folder = control_of(config), run / WITHOUT_DIFFUSION
    folder.mkdir(exist_ok=True)
    write_split(read_split(run / SPLIT), folder / SPLIT)
    with suppress(OSError):  # both prepare alike; where files cannot have two names, they are made again
        shutil.copytree(run / CACHE, folder / CACHE, copy_function=os.link)
    write_run(control, folder / RUN)
    return folder


def _budget(config: RunConfig, settings: Any) -> TrainConfig:
    """The run's own; PatchDDM's patches are cut by its objective, and here ahead of it.

    HalfRes sees whole volumes at half the resolution. A patch takes as little memory.
    """
    changes: dict[str, Any] = {"start_from": None}
    if config.method == "patchddm" and settings.variant != "fullres":
        crop = config.train.crop or (settings.patch,) * 3
        changes["crop"] = tuple(min(edge, settings.patch) for edge in crop)
    return config.train.model_copy(update=changes)


def _without_time(unet: dict[str, Any]) -> dict[str, Any]:
    """ImgX's network, which can be told that there is no time."""
    return unet | {"time": "none"}


def _of_one_encoder(unet: dict[str, Any]) -> dict[str, Any]:
    """MedSegDiff's network as a guided U-Net of the same width, stages, blocks, attention and groups.

    Two encoders have no counterpart: the second one sees the noisy mask, which is not there without
    diffusion, and so nothing steers the first. The paper's network has no middle; a guided U-Net's least is
    one block. The released networks are guided U-Nets beside a highway, which is left out.
    """
    if "version" in unet:
        return _less(unet, _OF_A_HIGHWAY)
    stages, blocks = len(unet["multipliers"]), unet["blocks"]
    repeated = [*blocks, *[blocks[-1]] * stages][:stages]
    middle = {"blocks": repeated, "middle_blocks": 1, "middle_attention": False}
    return _less(unet, _OF_TWO_ENCODERS) | middle


def _less(unet: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in unet.items() if name not in names}


_SHAPES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "imgx": _without_time,
    "medsegdiff": _of_one_encoder,
}
"""Of those whose network is not the control's as it stands."""
