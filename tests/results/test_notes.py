"""What is said of a result beside its numbers."""

from dataclasses import replace

import numpy as np
import pytest

import napari_diffseg as nd
from napari_diffseg.io.nifti import read_volume
from napari_diffseg.results.notes import notes


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
