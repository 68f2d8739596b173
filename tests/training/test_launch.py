"""Starting a run's process: what is refused before there is one."""

import pytest

import napari_diffseg as nd
from napari_diffseg.training.folder import LOG
from napari_diffseg.training.launch import launch
from napari_diffseg.training.status import Status, write_status
from napari_diffseg.training.without_diffusion import WITHOUT_DIFFUSION


@pytest.mark.parametrize("going_on", ["", WITHOUT_DIFFUSION])
def test_a_run_that_goes_on_or_whose_control_does_is_not_started_twice(new_run, tmp_path, going_on):
    run = new_run(tmp_path / "run")
    write_status(run, Status(state="finished", step=6, steps=6))
    (run / going_on).mkdir(exist_ok=True)
    write_status(run / going_on, Status(state="running", step=3, steps=6))
    with pytest.raises(nd.TrainingError, match="is going on already"):
        launch(run)
    assert not (run / LOG).exists()


def test_a_folder_without_a_run_is_not_started(tmp_path):
    with pytest.raises(nd.TrainingError, match=r"holds no run: there is no run\.toml"):
        launch(tmp_path)
