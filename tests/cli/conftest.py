"""The command line as a person meets it: words in, words and an exit code out."""

from dataclasses import dataclass, field

import pytest

from napari_diffseg.checkpoints.document import Channel, read_document
from napari_diffseg.cli import main


@dataclass
class Done:
    code: int
    out: str
    err: str = field(default="")


@pytest.fixture
def command(capsys):
    def run(*arguments) -> Done:
        with pytest.raises(SystemExit) as exit_:
            main([str(argument) for argument in arguments])
        return Done(exit_.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def segment(command, crop_path, tiny_checkpoint_path, tmp_path, monkeypatch):
    """A quick run of the tiny model on the crop; more arguments win."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments) -> Done:
        return command(
            "segment",
            crop_path,
            "--checkpoint",
            tiny_checkpoint_path,
            "--members",
            2,
            "--steps",
            1,
            *arguments,
        )

    return run


@pytest.fixture(scope="session")
def two_channel_checkpoint_path(tiny_checkpoint_path, tmp_path_factory):
    from napari_diffseg.methods import imgx

    return saved(tiny_checkpoint_path, tmp_path_factory, imgx, channels=("t1", "flair"))


@pytest.fixture(scope="session")
def plain_checkpoint_path(tiny_checkpoint_path, tmp_path_factory):
    """The same network without diffusion."""
    from napari_diffseg.methods import imgx_unet

    return saved(tiny_checkpoint_path, tmp_path_factory, imgx_unet, channels=("t1",), time="none")


def saved(like, tmp_path_factory, method, *, channels, **unet):
    from napari_diffseg.checkpoints.checkpoint import save_checkpoint

    config = method.Config(unet={"widths": (4, 8), **unet})
    changes = {
        "method": method.__name__.rpartition(".")[2].replace("_", "-"),
        "config": config.model_dump(mode="json"),
        "channels": tuple(Channel(name=name, modality="MR") for name in channels),
    }
    path = tmp_path_factory.mktemp("checkpoints") / "other.safetensors"
    network = method.build(config, channels=len(channels), classes=3)
    save_checkpoint(path, read_document(like).model_copy(update=changes), network.state_dict())
    return path
