"""The dataset.json of the Medical Segmentation Decathlon and of nnU-Net 1 and 2, written by strangers.

Decathlon and nnU-Net 1 say {"modality": {"0": "CT"}, "labels": {"1": "liver"}, "training": […]}, nnU-Net 2
{"channel_names": {"0": "CT"}, "labels": {"liver": 1}, "file_ending": ".nii.gz"}.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from napari_diffseg.datasets.volumes import ENDINGS
from napari_diffseg.errors import DatasetError
from napari_diffseg.io.sequence import channel_of, modality_of

FILE = "dataset.json"

_MOST_BYTES = 2**26
_MODALITIES = {"CT": "CT", "MR": "MR", "MRI": "MR"}

_Number = Annotated[str, Field(pattern="^[0-9]{1,4}$")]
_Name = Annotated[str, Field(min_length=1, max_length=256)]
_PathText = Annotated[str, Field(min_length=1, max_length=1024)]
_Remark = Annotated[str, BeforeValidator(lambda told: told[:1024] if isinstance(told, str) else "")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Listed(_Part):
    """A case by the paths of its files, relative to dataset.json."""

    image: _PathText
    label: _PathText


class Description(_Part):
    """What dataset.json says.

    Attributes:
        channel_names: by number.
        classes: names of the foreground classes by their value in the masks, rising.
        training: the cases; None where the files themselves are the list.
        file_ending: of images and masks.
        licence: of the data, or empty.
        reference: likewise.
    """

    channel_names: dict[_Number, _Name] = Field(
        validation_alias=AliasChoices("channel_names", "modality"), min_length=1, max_length=64
    )
    classes: dict[int, str] = Field(validation_alias="labels", max_length=255)
    training: tuple[Listed, ...] | None = None
    file_ending: str = ENDINGS[0]
    licence: _Remark = Field("", validation_alias=AliasChoices("licence", "license"))
    reference: _Remark = ""

    @field_validator("classes", mode="before")
    @classmethod
    def _foreground(cls, labels: object) -> dict[int, str]:
        if not isinstance(labels, dict):
            raise ValueError("a name for each label is expected")
        pairs = [_value_and_name(key, told) for key, told in labels.items()]
        classes = {value: name for value, name in sorted(pairs) if value != 0}
        if len(classes) < sum(value != 0 for value, _ in pairs):
            raise ValueError("two names stand for one label")
        if not classes:
            raise ValueError("no label but the background has a name")
        return classes

    @field_validator("file_ending")
    @classmethod
    def _readable(cls, ending: str) -> str:
        if ending not in ENDINGS:
            raise ValueError(f"files ending in {ending[:16]} are not read; convert them to {ENDINGS[0]}")
        return ending

    @property
    def channel_numbers(self) -> tuple[int, ...]:
        """As they stand in the names of nnU-Net's files."""
        return tuple(sorted(map(int, self.channel_names)))

    @property
    def channels(self) -> tuple[str, ...]:
        """Names in the order of the numbers; a known sequence by its usual name, and no name twice."""
        told = [name for _, name in sorted(self.channel_names.items(), key=lambda item: int(item[0]))]
        names = [name if channel_of(name) == "image" else channel_of(name) for name in told]
        if len(set(names)) == len(names):
            return tuple(names)
        return tuple(f"{name} {number}" for number, name in enumerate(names, start=1))

    @property
    def modality(self) -> str:
        """The kind of scanner that all channels are from, or empty."""
        kinds = {
            _MODALITIES.get(name.upper(), modality_of(channel_of(name)))
            for name in self.channel_names.values()
        }
        return kinds.pop() if len(kinds) == 1 else ""


def read_description(path: Path) -> Description:
    """The file's content.

    Raises:
        DatasetError: it is no JSON, lacks a part or holds a wrong one, tells of regions that overlap or of
            voxels to ignore, or of files that are no NIfTI.
    """
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise DatasetError(
            f"{path} has {size} bytes, more than {_MOST_BYTES}. Choose the data set's own file."
        )
    try:
        return Description.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise DatasetError(
            f"{path} is not right at “{place[:80]}”: {first['msg'].removeprefix('Value error, ')}. "
            "Correct it, or get it again from where the data are from."
        ) from error


def _value_and_name(key: object, told: object) -> tuple[int, str]:
    """Both directions: {"1": "liver"} and {"liver": 1}."""
    if isinstance(told, list):
        raise ValueError(
            f"“{str(key)[:80]}” is a region made of several labels, and a voxel has one class here; "
            "name each label by itself"
        )
    name, value = (told, key) if isinstance(told, str) else (key, told)
    if str(name).lower() == "ignore":
        raise ValueError("“ignore” marks voxels without an answer, and every voxel needs one; merge it")
    if not str(value).isdecimal() or int(str(value)) > 65535:
        raise ValueError(f"{str(value)[:80]} is no label: whole numbers up to 65535 are")
    return int(str(value)), str(name)[:256]
