"""Files as official training code writes them, and the way they are imported here."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

import napari_diffseg as nd

DATA = Path(__file__).parents[2] / "parity" / "data"

NEEDED = {"ambdiffseg": {"predict": "x0"}}
"""What a bare state dict of a source does not tell."""


@pytest.fixture(scope="session")
def amb_pt():
    """A trainer's file of AmbDiffSeg."""
    return DATA / "amb_ckpt.pt"


@pytest.fixture(scope="session")
def imgx_folder():
    """A folder of ImgX's training."""
    return DATA / "imgx_ckpt_files"


@pytest.fixture
def imported(tmp_path):
    """Import into a file of the test's own."""

    def run(path, source, **others):
        network = NEEDED.get(source, {}) | others.pop("network", {})
        out = others.pop("out", tmp_path / "ours.safetensors")
        return nd.import_official(path, source=source, network=network, out=out, **others)

    return run


@pytest.fixture
def refused(imported, tmp_path):
    """The one sentence with which an import is refused; nothing is written."""

    def run(path, source, match, **others):
        with pytest.raises(nd.CheckpointError, match=match) as caught:
            imported(path, source, **others)
        assert "\n" not in str(caught.value)
        assert not list(tmp_path.glob("*.safetensors"))
        return str(caught.value)

    return run


@pytest.fixture
def state_dict(tmp_path):
    """A file of torch.save with random numbers in the shapes given by name."""

    def write(shapes, *, prefix="", dtype=torch.float32, file="savedmodel000100.pt", **changes):
        generator = torch.Generator().manual_seed(0)
        tensors = {prefix + name: _random(name, shape, dtype, generator) for name, shape in shapes.items()}
        torch.save({**tensors, **changes}, tmp_path / file)
        return tmp_path / file

    return write


def _random(name, shape, dtype, generator):
    if name.endswith("num_batches_tracked"):
        return torch.tensor(7)
    return torch.rand(shape, generator=generator).to(dtype)


@pytest.fixture
def haiku_folder(tmp_path):
    """A folder as ImgX's code writes it, with random numbers in the shapes given by name."""

    def write(shapes):
        folder = tmp_path / "batch_500"
        folder.mkdir()
        params = {}
        for name in shapes:
            module, _, leaf = name.rpartition("/")
            params.setdefault(module, {})[leaf] = 0
        tree = {"ema_params": None, "global_step": 0, "params": params, "rng": 0}
        (folder / "tree.pkl").write_bytes(pickle.dumps(tree))
        rng = np.random.default_rng(0)
        with (folder / "arrays.npy").open("wb") as file:
            np.save(file, np.array(500))
            for module in sorted(params):
                for leaf in sorted(params[module]):
                    np.save(file, rng.random(shapes[f"{module}/{leaf}"], np.float32))
            np.save(file, np.zeros(2, np.uint32))
        return folder

    return write
