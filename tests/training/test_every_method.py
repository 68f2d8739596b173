"""Every method in 2D and 3D: three steps of training, and what comes out segments a case."""

import pytest
from methods_fixtures import TINY, tiny_config

import napari_diffseg as nd
from napari_diffseg.methods.registry import method, methods


def test_every_method_is_among_those_tried_here():
    assert set(TINY) == set(methods())


@pytest.mark.parametrize(("name", "dimensions"), [(name, d) for name in TINY for d in (2, 3)])
def test_a_method_trains_and_its_checkpoint_segments(
    new_run, carried_out, losses_of, four_cases, tmp_path, name, dimensions
):
    config = tiny_config(name, dimensions)
    run = new_run(
        tmp_path / "run",
        name=name,
        config=config.model_dump(),
        preparation={"slice_axis": 1},
        train={"steps": 3, "crop": None if name == "patchddm" else (16, 16, 16)},
        validation={"every": 100, "members": 1, "steps": 1},
    )
    assert carried_out(run).state == "finished"
    assert list(losses_of(run)) == [1, 2, 3]
    checkpoint = nd.load_checkpoint(run / "last.safetensors")
    assert checkpoint.config == config
    scan = nd.read_volume(four_cases / "images" / "hippocampus_148_part.nii.gz")
    members = 2 if method(name).has_steps else 1
    result = nd.segment(scan, checkpoint, members=members, steps=2, precision="fp32").result()
    assert result.members.shape == (members, *scan.grid.shape)
    assert result.mean.shape == (2, *scan.grid.shape)
