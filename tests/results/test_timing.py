"""The last speed on this machine tells how long the next run will take."""

import pytest

from napari_diffseg.results import timing
from napari_diffseg.results.timing import expected_s, remember

RUN = ("ab" * 32, "cpu", "fp32")


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return timing._path()


def test_twice_the_calls_on_half_the_voxels_take_as_long():
    remember(*RUN, calls=25, voxels=1000, seconds=10.0)
    assert expected_s(*RUN, calls=50, voxels=500) == pytest.approx(10)


def test_the_last_run_counts():
    remember(*RUN, calls=1, voxels=1000, seconds=10.0)
    remember(*RUN, calls=1, voxels=1000, seconds=4.0)
    assert expected_s(*RUN, calls=1, voxels=1000) == pytest.approx(4)


def test_nothing_is_known_of_another_device_precision_or_checkpoint():
    remember(*RUN, calls=1, voxels=1000, seconds=10.0)
    for other in (("cd" * 32, "cpu", "fp32"), ("ab" * 32, "cuda:0", "fp32"), ("ab" * 32, "cpu", "bf16")):
        assert expected_s(*other, calls=1, voxels=1000) is None


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"a": "b"}', '{"a": -1}', '{"a": NaN}'])
def test_a_damaged_file_is_forgotten_and_written_anew(file, content):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    assert expected_s(*RUN, calls=1, voxels=1) is None
    remember(*RUN, calls=1, voxels=1, seconds=2.0)
    assert expected_s(*RUN, calls=1, voxels=1) == pytest.approx(2)


def test_a_run_without_a_call_is_not_kept(file):
    remember(*RUN, calls=0, voxels=1000, seconds=0.0)
    assert not file.exists()


def test_a_place_that_cannot_be_written_to_is_no_error(file):
    file.parent.parent.mkdir(parents=True, exist_ok=True)
    file.parent.write_text("a file where the folder should be")
    remember(*RUN, calls=1, voxels=1, seconds=2.0)
    assert expected_s(*RUN, calls=1, voxels=1) is None


def test_the_file_stays_small(file):
    for number in range(timing._MOST_ENTRIES + 3):
        remember(str(number), "cpu", "fp32", calls=1, voxels=1, seconds=1.0)
    assert expected_s("0", "cpu", "fp32", calls=1, voxels=1) is None
    assert expected_s("3", "cpu", "fp32", calls=1, voxels=1) == 1
