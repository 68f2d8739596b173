"""A folder with images/ and labels/: a case is a file of one name in both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_diffseg.errors import DatasetError, GridMismatchError
from napari_diffseg.io.nifti import read_labels, read_volume
from napari_diffseg.volume.label_map import LabelMap
from napari_diffseg.volume.scan import Scan

ENDINGS = (".nii.gz", ".nii")


@dataclass(frozen=True, slots=True)
class PairedCase:
    """One scan and its mask, still on disk."""

    name: str
    image: Path
    label: Path

    def read(self) -> tuple[Scan, LabelMap]:
        """Both in display order.

        Raises:
            ScanError: a file cannot be read.
            GridMismatchError: the mask does not lie on the scan.
        """
        scan, mask = read_volume(self.image), read_labels(self.label)
        if not scan.grid.matches(mask.grid):
            raise GridMismatchError(
                f"The label of case {self.name} does not lie on its image: {mask.grid.shape} voxels against "
                f"{scan.grid.shape}, or another position. Resample one onto the other, or leave the case out."
            )
        return scan, mask


def find_pairs(folder: Path) -> dict[str, PairedCase]:
    """The folder's cases by name, sorted.

    Raises:
        DatasetError: there is no pair.
    """
    images, labels = _volumes(folder / "images"), _volumes(folder / "labels")
    cases = {name: PairedCase(name, images[name], labels[name]) for name in sorted(images) if name in labels}
    if not cases:
        raise DatasetError(
            f"{folder.name} holds no case: expected files of one name in images/ and labels/, ending in "
            f"{' or '.join(ENDINGS)}. Choose the folder that holds both."
        )
    return cases


def _volumes(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*")) if folder.is_dir() else []:
        for ending in ENDINGS:
            if path.name.endswith(ending) and not path.name.startswith("."):
                found.setdefault(path.name.removesuffix(ending), path)
    return found
