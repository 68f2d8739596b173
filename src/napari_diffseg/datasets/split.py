"""Which cases train, which choose, which are reported: by patient, written down."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from napari_diffseg.datasets.case import Group
from napari_diffseg.datasets.dataset import Dataset
from napari_diffseg.errors import DatasetError
from napari_diffseg.io.atomic import replacing

_HELD_BACK: tuple[Group, ...] = ("test", "validation")  # the first wins


class Split(BaseModel):
    """Names of the cases of each part.

    Attributes:
        train: from which weights are learnt.
        validation: which choose the best weights, and are not reported.
        test: which are reported once, and choose nothing.
        rule: how they were told apart, in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    rule: str

    @model_validator(mode="after")
    def _is_disjoint(self) -> Split:
        times = Counter((*self.train, *self.validation, *self.test))
        if times and max(times.values()) > 1:
            raise ValueError(f"{times.most_common(1)[0][0]} stands there twice")
        return self


def split_by_patient(dataset: Dataset, *, validation: float = 0.2, seed: int = 0) -> Split:
    """Every case in a part, and all cases of a patient in the same one.

    The data set's own parts are kept; a patient in two of them goes to the one that is held back furthest.
    Where there is none for validation, patients are drawn for it from those for training.

    Args:
        dataset: with cases of at least two patients.
        validation: share of the patients for training that is drawn; at least one, 0 draws none.
        seed: of that draw.

    Raises:
        DatasetError: no patient would be left to train on.
    """
    parts = _own_parts(dataset)
    rule = _own_rule(dataset)
    if validation > 0 and "validation" not in parts.values():
        train = sorted(patient for patient, part in parts.items() if part == "train")
        drawn = max(1, round(validation * len(train)))
        order = np.random.default_rng(seed).permutation(len(train))
        parts |= {train[place]: "validation" for place in order[:drawn].tolist()}
        rule.append(f"{drawn} of {len(train)} patients drawn for validation with seed {seed}")
    if "train" not in parts.values():
        raise DatasetError(
            f"{dataset.root.name} has cases of {len(parts)} patients, and none would be left to train on. "
            "Add cases of other patients, or hold back fewer."
        )
    names = {
        group: tuple(case.name for case in dataset.cases if parts[case.patient] == group)
        for group in ("train", "validation", "test")
    }
    return Split(**names, rule=f"By patient: {'; '.join(rule)}.")


def write_split(split: Split, path: Path) -> None:
    """Write split.json, at once.

    Raises:
        OSError: the disk is full, or the folder may not be written to.
    """
    with replacing(path) as partial:
        partial.write_text(split.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_split(path: Path) -> Split:
    """The split in a split.json.

    Raises:
        DatasetError: the file is missing or says what it may not.
    """
    try:
        return Split.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DatasetError(
            f"{path} cannot be read ({error.strerror}). Choose a split.json of a run."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise DatasetError(
            f"{path} is not a split: at “{place}”, {first['msg'].removeprefix('Value error, ')}. "
            "Take one that a run wrote."
        ) from error


def given_split(path: Path, dataset: Dataset) -> Split:
    """The split in a file, for the cases of a data set; those that it does not name are in no part.

    Raises:
        DatasetError: the file is no split, or one of other cases; it tears a patient's cases apart, or has
            none to train on.
    """
    split = read_split(path)
    parts = (dataset.chosen(names) for names in (split.train, split.validation, split.test))
    times = Counter(patient for part in parts for patient in {case.patient for case in part})
    torn = sorted(patient for patient, count in times.items() if count > 1)
    if torn:
        raise DatasetError(
            f"{path.name} puts cases of {len(torn)} patients, such as {torn[0]}, into more than one part, so "
            "that what is learnt would be judged by itself. Keep all cases of a patient in one part."
        )
    if not split.train:
        raise DatasetError(f"{path.name} has no case to train on. Name some under “train”.")
    return split


def _own_parts(dataset: Dataset) -> dict[str, Group]:
    """Part by patient as the data set has it; what it leaves open is for training."""
    parts: dict[str, Group] = {case.patient: "train" for case in dataset.cases}
    for group in reversed(_HELD_BACK):
        parts |= dict.fromkeys(_patients(dataset, group), group)
    return parts


def _patients(dataset: Dataset, group: Group) -> set[str]:
    return {case.patient for case in dataset.cases if case.group == group}


def _own_rule(dataset: Dataset) -> list[str]:
    if all(case.group is None for case in dataset.cases):
        return []
    rule = ["the data set's own parts"]
    parts = _own_parts(dataset)
    moved = [case for case in dataset.cases if case.group not in (None, parts[case.patient])]
    if moved:
        rule.append(f"{len(moved)} cases moved to the part of their patient's other cases")
    return rule
