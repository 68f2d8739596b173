"""How a run's cases are parted. Torch-free."""

from __future__ import annotations

from napari_diffseg.datasets.dataset import Dataset
from napari_diffseg.datasets.split import Split, given_split, split_by_patient
from napari_diffseg.training.config import DataConfig


def parted(dataset: Dataset, data: DataConfig) -> Split:
    """The parts of a new run's data set, as a file gives them or drawn.

    Raises:
        DatasetError: the file does not fit the data set, or no patient would be left to train on.
    """
    if data.split is not None:
        return given_split(data.split, dataset)
    return split_by_patient(dataset, validation=data.validation, seed=data.split_seed)
