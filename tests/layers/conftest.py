"""A scan on disk, the layers it becomes, and a run that needs no network."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer

from napari_diffseg.fusion import consensus_from_mean
from napari_diffseg.layers import get_reader, scan_of
from napari_diffseg.results.events import Finished, MemberDone, Stepped
from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.results.result import ClassInfo, Provenance, Result
from napari_diffseg.volume import Box

CLASSES = (ClassInfo("anterior", "#e69f00"), ClassInfo("posterior", "#56b4e9"))
PROVENANCE = Provenance("head.nii.gz", "", "tiny", "", "imgx", "cpu", "fp32", 1, 2, 1, 0.5)

OBLIQUE = np.array([[0, -1.2, 0.2, 30], [1.1, 0, 0.3, -40], [0.1, 0.2, -2.4, 55], [0, 0, 0, 1.0]])


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def oblique_file(tmp_path):
    """9 × 10 × 11 voxels whose axes run posterior, left and inferior, and all of them tilted."""
    return _save(tmp_path / "head.nii.gz", np.random.default_rng(0).integers(0, 900, (9, 10, 11)))


@pytest.fixture
def save():
    """A NIfTI file of some voxels; returns its path."""
    return _save


@pytest.fixture
def opened():
    """The layers that files become when they are dropped on napari."""
    return _opened


@pytest.fixture
def run(oblique_file):
    """A run of three kept members on a box of the oblique scan."""
    (layer,) = _opened(oblique_file)
    options = SamplingOptions(members=3, keep_members=True, threshold=0.6)
    return FakeRun(Box((1, 2, 3), (8, 9, 9)), scan_of([layer], ["t1"]), options)


def _save(path, data, affine=OBLIQUE, dtype=np.int16):
    image = nib.Nifti1Image(np.asarray(data, dtype=dtype), affine)
    image.set_sform(affine, 1)
    image.header["descrip"] = b"phantom"
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, path)
    return path


def _opened(*paths):
    names = [str(path) for path in paths]
    return [Layer.create(*data) for data in get_reader(names)(names)]


@dataclass
class FakeRun:
    """The events that an engine would give for members made of random numbers."""

    box: Box
    scan: object
    options: SamplingOptions

    def member(self, number):
        rng = np.random.default_rng(number)
        return rng.dirichlet((1, 1, 1), self.box.shape).astype(np.float32).transpose(3, 0, 1, 2)[:2].copy()

    def step(self, member=0, region=None):
        region = region or self.box
        x0 = np.zeros((2, *region.shape), dtype=np.float32)
        x0[1] = 1
        return Stepped(member, self.options.members, 1, 2, 1.0, x0, region)

    def done(self, number):
        members = np.stack([self.member(k) for k in range(number + 1)])
        variance = members.var(axis=0) if number else None
        return MemberDone(number, self.options.members, self.hard(number), members.mean(axis=0), variance)

    def hard(self, number):
        return consensus_from_mean(self.member(number))

    def finished(self, members):
        last = self.done(members - 1)
        result = Result(
            box=self.box,
            scan_grid=self.scan.grid,
            origin=self.scan.origin,
            classes=CLASSES,
            mean=last.mean,
            variance=last.variance,
            consensus=consensus_from_mean(last.mean, 0.7),
            members=np.stack([self.hard(k) for k in range(members)]),
            options=self.options,
            provenance=PROVENANCE,
        )
        return Finished(result, cancelled=members < self.options.members)
