"""A project that the first version with raters wrote opens today."""

import shutil
from pathlib import Path

import numpy as np

from napari_diffseg.raters.finished_read import reads_of
from napari_diffseg.raters.opening import open_read
from napari_diffseg.raters.project import open_project

SAMPLE = Path(__file__).parents[1] / "data" / "formats" / "rater-project-1"
CASE = "hippocampus 148"


def test_a_project_of_format_1_opens_with_its_finished_and_open_read(drawn, tmp_path):
    project = open_project(shutil.copytree(SAMPLE, tmp_path / "project"))
    assert project.scan(CASE).data.shape == (1, *drawn.shape)
    (anna,) = reads_of(project, CASE, by=None)
    assert np.array_equal(anna.mask().data, drawn)
    assert [lesion.number for lesion in anna.lesions()] == [2, 3, 256]
    assert (anna.record.active_seconds, anna.record.started_from[0].member) == (12.5, 1)
    with open_read(project, CASE, "Bob Ö.") as bob:
        data = bob.mask()
        assert (bob.note, np.count_nonzero(data == 1)) == ("", 5)
        bob.restore_lesion(3, data)
        assert np.array_equal(data == 3, drawn == 3)
