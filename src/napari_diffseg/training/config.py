"""Everything needed to repeat a training run: what stands in run.toml. Torch-free."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from napari_diffseg.errors import TrainingError
from napari_diffseg.io.atomic import replacing
from napari_diffseg.methods.practice import Augmentation, Optimisation
from napari_diffseg.preparation.preparation import Preparation

Reads = Literal["random", "majority", "mean"]
Crop = tuple[int, int, int]

_NONE = "None"
"""TOML has no word for it."""

_FROM_ANYWHERE = AfterValidator(lambda path: path and path.absolute())
"""A run may be resumed from another folder than it was started in."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataConfig(_Section):
    """Which cases.

    Attributes:
        path: the data set, a folder or a file.
        skip_bad: cases that cannot be trained on are left out; otherwise they stop the run.
        reads: of several raters' masks one at random each time, their majority, or their mean.
        validation: share of the patients that is kept apart, where the data set has no groups of its own.
        split_seed: of the drawing of these patients.
        split: a split.json whose parts are taken as they are; nothing is drawn then.
    """

    path: Annotated[Path, _FROM_ANYWHERE]
    skip_bad: bool = False
    reads: Reads = "random"
    validation: float = Field(0.2, gt=0, lt=1)
    split_seed: int = Field(0, ge=0, le=2**32 - 1)
    split: Annotated[Path | None, _FROM_ANYWHERE] = None


class TrainConfig(Optimisation):
    """The optimiser, and how the run is carried out.

    Attributes:
        crop: voxels along (D, H, W) that an item is cut to; None takes whole cases, and for networks for
            slices whole slices.
        crop_at: a random place of the case, or always its centre, for cases cut out around what is sought.
        accumulate: parts that a step's batch is computed in, for less memory.
        precision: of the network's forward pass; automatic is bf16 where the hardware has it.
        seed: of weights, order, augmentation and noise.
        checkpoint_every: steps between saved states.
        deterministic: kernels that give the same bits again; slower on a GPU.
        device: automatic is a GPU where there is one.
        start_from: a checkpoint of the same network, whose weights are the first ones; None draws them.
        workers: threads that make items ahead.
        tensorboard: also write TensorBoard's files.
    """

    crop: Crop | None = None
    crop_at: Literal["random", "centre"] = "random"
    accumulate: int = Field(1, ge=1, le=1024)
    precision: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    seed: int = Field(0, ge=0, le=2**32 - 1)
    checkpoint_every: int = Field(500, ge=1)
    deterministic: bool = False
    device: Literal["auto", "cpu"] = "auto"
    start_from: Annotated[Path | None, _FROM_ANYWHERE] = None
    workers: int = Field(2, ge=1, le=64)
    tensorboard: bool = False

    @field_validator("crop")
    @classmethod
    def _has_room(cls, crop: Crop | None) -> Crop | None:
        if crop is not None and min(crop) < 1:
            raise ValueError("Every size should be at least 1")
        return crop


class ValidationConfig(_Section):
    """How the run is judged while it goes on.

    Attributes:
        every: steps between validations; one stands at the end in any case.
        cases: of the validation part, the first ones; None takes all.
        members: drawn of each.
        steps: network calls a member; None is the method's own.
        seed: of the sampling, the same each time.
    """

    every: int = Field(500, ge=1)
    cases: int | None = Field(8, ge=1)
    members: int = Field(2, ge=1, le=64)
    steps: int | None = Field(None, ge=1, le=1000)
    seed: int = Field(0, ge=0, le=2**32 - 1)


class RunConfig(_Section):
    """A run.

    Attributes:
        name: of the run and of its checkpoints.
        method: in the registry.
        config: the method's, in full.
        with_control: afterwards train the same network without diffusion on the same cases, and compare.
    """

    name: str = Field(min_length=1, max_length=128)
    method: str
    config: dict[str, Any]
    data: DataConfig
    preparation: Preparation = Preparation()
    augmentation: Augmentation = Augmentation()
    train: TrainConfig
    validation: ValidationConfig = ValidationConfig()
    with_control: bool = False


def read_run(path: Path) -> RunConfig:
    """The run that a TOML file describes.

    Raises:
        TrainingError: it cannot be read, or says something it may not.
    """
    try:
        content = _replaced(tomllib.loads(path.read_text(encoding="utf-8")), _NONE, None)
    except OSError as error:
        raise TrainingError(f"{path.name} cannot be read: {error.strerror}. Choose another file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path.name} is not TOML: {error}. Correct it there.") from error
    return valid_run(content, path.name)


def valid_run(content: dict[str, Any], source: str) -> RunConfig:
    """The run that these settings describe.

    Args:
        content: as in run.toml.
        source: what they are called in the message.

    Raises:
        TrainingError: a setting is unknown or outside its range.
    """
    try:
        return RunConfig.model_validate(content)
    except ValidationError as error:
        raise TrainingError(f"{source} cannot be used: {refusal(error)}") from error


def refusal(error: ValidationError, *, inside: str = "") -> str:
    """The first thing that pydantic found wrong, with the value seen.

    Args:
        error: from it.
        inside: name of the section that was validated, with a dot.
    """
    first = error.errors()[0]
    where, said = inside + ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        return f"the setting “{where}” is unknown here. Correct its name, or install a newer napari-diffseg."
    if first["type"] == "missing":
        return f"the setting “{where}” is missing. Add it."
    return f"“{where}” is {first['input']!r}. {said}."


def write_run(config: RunConfig, path: Path) -> None:
    """Write run.toml."""
    content = _replaced(config.model_dump(mode="json"), None, _NONE)
    with replacing(path) as partial:
        partial.write_text(tomli_w.dumps(content), encoding="utf-8")


def with_settings(content: dict[str, Any], settings: list[str]) -> dict[str, Any]:
    """`content` with settings such as "train.steps=2000" put in; a value is read as TOML, or else as text.

    Raises:
        TrainingError: a setting is of another form.
    """
    for setting in settings:
        name, equals, text = setting.partition("=")
        *sections, last = name.strip().split(".")
        if not (equals and last and all(sections)):
            raise TrainingError(f"“{setting}” is not a setting; write it as train.steps=2000.")
        content = _put(content, [*sections, last], _value(text.strip()))
    return content


def _put(content: Any, names: list[str], value: Any) -> dict[str, Any]:
    inside = content if isinstance(content, dict) else {}
    first, *rest = names
    return {**inside, first: _put(inside.get(first), rest, value) if rest else value}


def _value(text: str) -> Any:
    if text == _NONE:
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _replaced(values: Any, old: Any, new: Any) -> Any:
    if isinstance(values, dict):
        return {name: _replaced(value, old, new) for name, value in values.items()}
    if isinstance(values, list):
        return [_replaced(value, old, new) for value in values]
    return new if values == old and type(values) is type(old) else values
