"""Scans and masks in NIfTI files: what the layouts of volumes share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_diffseg.datasets.case import LabelledScan
from napari_diffseg.datasets.dataset import Problem
from napari_diffseg.datasets.tally import tally
from napari_diffseg.errors import DatasetError, ScanError
from napari_diffseg.io.nifti import read_channels, read_labels, read_stack
from napari_diffseg.volume.label_map import LabelMap
from napari_diffseg.volume.scan import Scan

ENDINGS = (".nii.gz", ".nii")


@dataclass(frozen=True, slots=True)
class VolumeFiles:
    """The files of one case; called, it reads them.

    Args:
        images: one a channel, or a single one that holds every channel (4D).
        masks: one a rater.
        channels: their names, in the order of the images.
        values: what stands in the masks for the first class, the second, and so on.
        modality: of the scan: "MR", "CT" or empty when unknown.
    """

    images: tuple[Path, ...]
    masks: tuple[Path, ...]
    channels: tuple[str, ...]
    values: tuple[int, ...]
    modality: str = ""

    def __call__(self) -> LabelledScan:
        """The scan, and masks in which label k is the k-th class.

        Raises:
            ScanError: a file cannot be read, or one of several volumes has more or fewer than channels.
            GridMismatchError: the channels do not lie on one grid.
            DatasetError: a mask holds a value that stands for no class.
        """
        scan = self._channels() if len(self.images) == len(self.channels) else self._stack()
        return LabelledScan(
            replace(scan, channels=self.channels, modality=self.modality), tuple(map(self._mask, self.masks))
        )

    def _channels(self) -> Scan:
        return read_channels(dict(zip(self.channels, self.images, strict=True)))

    def _stack(self) -> Scan:
        (path,) = self.images
        scan = read_stack(path)
        if len(scan.data) != len(self.channels):
            raise ScanError(
                f"{path.name} holds {len(scan.data)} volumes, where the channels are "
                f"{', '.join(self.channels)}. Export it again with one volume for each."
            )
        return scan

    def _mask(self, path: Path) -> LabelMap:
        mask = read_labels(path)
        if self.values == tuple(range(1, len(self.values) + 1)):
            return mask
        strange = set(np.flatnonzero(tally(mask.data)).tolist()) - {0, *self.values}
        if strange:
            raise DatasetError(
                f"{path.name} holds the value {min(strange)}, where its classes are "
                f"{', '.join(map(str, self.values))}. Correct the mask, or leave the case out."
            )
        label = np.zeros(max(self.values) + 1, dtype=np.uint8)
        label[list(self.values)] = range(1, len(self.values) + 1)
        return replace(mask, data=label[mask.data])


def volumes_in(folder: Path) -> dict[str, Path]:
    """A folder's NIfTI files by their names without ending, sorted; none when there is no such folder.

    Hidden files are left out: some systems put one beside each file that they copy.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("[!.]*")) if folder.is_dir() else []:
        for ending in ENDINGS:
            if path.name.endswith(ending) and path.is_file():
                found.setdefault(path.name.removesuffix(ending), path)
    return found


def unpaired(images: Iterable[str], masks: Iterable[str]) -> tuple[Problem, ...]:
    """What to say of names that have an image or a mask alone, sorted."""
    with_image, with_mask = set(images), set(masks)
    lacking = dict.fromkeys(with_image - with_mask, "no mask")
    lacking |= dict.fromkeys(with_mask - with_image, "a mask and no image")
    return tuple(
        Problem(name, f"There is {what} of this name. Add what is missing, or move the other file elsewhere.")
        for name, what in sorted(lacking.items())
    )


def no_case(path: Path, expected: str, problems: Sequence[Problem]) -> DatasetError:
    """What to say of a folder without a case that could be read."""
    first = (
        f" The first of {len(problems)} problems, {problems[0].case}: {problems[0].sentence}"
        if problems
        else ""
    )
    return DatasetError(
        f"{path.name} holds no case: expected {expected}.{first or ' Choose another folder.'}"
    )
