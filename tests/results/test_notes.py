"""What is said of a result beside its numbers."""

from dataclasses import replace

import numpy as np
import pytest

import napari_diffseg as nd
from napari_diffseg.io.nifti import read_volume
from napari_diffseg.results.notes import notes
from napari_diffseg.volume import Box


@pytest.fixture(scope="module")
def result(tiny_checkpoint, crop_path):
    return nd.segment(
        read_volume(crop_path), tiny_checkpoint, members=3, steps=1, fusion="staple", preview=False
    ).result()


def test_a_plain_result_needs_no_note(result):
    assert all(member.any() for member in result.members)
    assert notes(result) == []


def test_an_empty_member_under_staple_is_told(result):
    members = np.stack([*result.members[:2], np.zeros_like(result.members[0])])
    (note,) = notes(replace(result, members=members))
    assert note.startswith("1 of 3 members are empty. STAPLE may")


def test_an_empty_member_under_a_majority_is_no_matter(result):
    members = np.zeros_like(result.members)
    assert (
        notes(replace(result, members=members, provenance=replace(result.provenance, fusion="majority")))
        == []
    )


def test_slices_are_spoken_of_where_there_are_several(result):
    provenance = replace(result.provenance, fusion="mean", slice_axis=0, sampler="ddim")
    several = replace(result, provenance=provenance)
    (note,) = notes(several)
    assert note.startswith("Slice-wise (axial)")
    (d, h, w), (_, *stop) = result.box.start, result.box.stop
    one = {name: getattr(result, name)[:, :1] for name in ("mean", "variance", "members")}
    image = replace(several, box=Box((d, h, w), (d + 1, *stop)), consensus=result.consensus[:1], **one)
    assert notes(image) == []
