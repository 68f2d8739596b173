"""What a new run will do with the cases of its data set, told before it begins."""

from __future__ import annotations

from napari_diffseg.datasets.dataset import Dataset
from napari_diffseg.datasets.split import Split
from napari_diffseg.errors import DatasetError
from napari_diffseg.training.comparison import LEAST_PATIENTS
from napari_diffseg.training.config import RunConfig
from napari_diffseg.training.parting import parted
from napari_diffseg.training.without_diffusion import control_of
from napari_diffseg.widgets.wording import count


def split_of(config: RunConfig, dataset: Dataset) -> Split:
    """The parts that the run will have.

    Raises:
        DatasetError: the split file does not fit, no patient would be left to train on, or too few to
            compare on where that is wanted.
        DiffSegError: a comparison is wanted, and the settings allow none.
    """
    split = parted(dataset, config.data)
    if config.with_control:
        control_of(config)
        patients = len({case.patient for case in dataset.chosen(split.validation)})
        if patients < LEAST_PATIENTS:
            raise DatasetError(
                f"The validation part has cases of {count(patients, 'patient')}, and a comparison without "
                f"diffusion needs {LEAST_PATIENTS}. Enlarge that part under All settings → Data, or leave "
                "the comparison out."
            )
    return split


def parts(split: Split) -> str:
    """For example "4 cases to train on, 2 to validate."."""
    test = f", {len(split.test)} are left for testing" if split.test else ""
    return f"{count(len(split.train), 'case')} to train on, {len(split.validation)} to validate{test}."


def cost(config: RunConfig, split: Split) -> str:
    """What the comparison without diffusion takes."""
    asked = config.validation
    steps = f" of {count(asked.steps, 'step')}" if asked.steps else ""
    return (
        f"Takes {config.train.steps} steps more, then segments {count(len(split.validation), 'case')} both "
        f"ways; with diffusion {count(asked.members, 'member')}{steps} each."
    )
