"""Official checkpoints become ours: samples, paper sizes, and what a person gets wrong."""

import json
import shutil
from pathlib import Path

import pytest
import torch

import napari_diffseg as nd
from napari_diffseg.checkpoints.catalogue import find
from napari_diffseg.methods import ensemdiff, patchddm
from napari_diffseg.networks.guided_unet import GuidedUNetConfig
from napari_diffseg.volume import Box

DATA = Path(__file__).parents[2] / "parity" / "data"
SMALL = GuidedUNetConfig(width=32, multipliers=(1, 2), blocks=1, attention_at=(2,), heads=4)


def listing(name):
    keys = json.loads((DATA / f"{name}.json").read_text())["keys"]
    return {name: tuple(shape) for name, shape in keys.items()}


def shapes(config=None, *, channels=4, classes=2, method=ensemdiff):
    config = config or method.Config(unet=SMALL)
    network = method.build(config, channels=channels, classes=classes)
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize(
    ("name", "source", "method", "channels", "prefix"),
    [
        ("wolleb_keys_paper", "wolleb", "ensemdiff", 4, ""),
        ("pddm_keys_paper", "patchddm", "patchddm", 4, ""),
        ("msd_new_keys_rgb", "medsegdiff", "medsegdiff", 3, "module."),
        ("msd_v1_keys_rgb", "medsegdiff", "medsegdiff", 3, ""),
        ("msd_v1_keys_brats", "medsegdiff", "medsegdiff", 4, ""),
        ("amb_unet_paper_keys", "ambdiffseg", "ambiguous", 1, ""),
    ],
)
def test_paper_size_networks_import_by_names_and_shapes(
    name, source, method, channels, prefix, state_dict, imported, tmp_path
):
    path = state_dict(listing(name), prefix=prefix, dtype=torch.float16)
    checkpoint = imported(path, source)
    document, ours = checkpoint.document, checkpoint.weights
    assert (document.method, len(document.channels), len(document.classes)) == (method, channels, 1)
    theirs = {key.removeprefix(prefix): value for key, value in torch.load(path, mmap=True).items()}
    theirs = {our_head(key) if method == "ambiguous" else key: value for key, value in theirs.items()}
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], value) for key, value in theirs.items())
    for file in (path, tmp_path / "ours.safetensors"):
        file.unlink()  # a quarter of a gigabyte each


def our_head(name):
    return name.replace("out.1.", "out.0.").replace("out.3.", "out.2.") if name[:4] == "out." else name


@pytest.mark.parametrize("top", ["unet3d", "unet3d_time", "unet3d_slice", "unet3d_slice_time"])
def test_imgx_networks_of_the_paper_import_in_2d_and_3d(top, haiku_folder, imported):
    keys = json.loads((DATA / "imgx_unet_paper_keys.json").read_text())["keys"][top]
    checkpoint = imported(haiku_folder(keys), "imgx")
    assert checkpoint.document.method == ("imgx" if top.endswith("time") else "imgx-unet")
    assert checkpoint.config.unet.dimensions == (2 if "slice" in top else 3)
    assert checkpoint.config.unet.widths == (32, 32, 64, 128, 256)
    assert (len(checkpoint.document.channels), len(checkpoint.document.classes)) == (1, 8)


def test_a_trainer_s_configuration_tells_what_tensors_do_not(amb_pt, tmp_path):
    config = nd.import_official(amb_pt, source="ambdiffseg", out=tmp_path / "ours.safetensors").config
    assert (config.unet.heads, config.predict, config.weighting) == (2, "x0", "snr+1")
    assert (config.variance, config.sampler, config.steps, config.rgb) == ("large", "ddpm", 10, True)


def test_what_the_person_says_wins_over_the_file(amb_pt, imported):
    config = imported(amb_pt, "ambdiffseg", network={"heads": 4, "sampler": "ddim"}).config
    assert (config.unet.heads, config.sampler) == (4, "ddim")


@pytest.mark.parametrize(
    "changes",
    [
        {"scale_shift": True},
        {"resample_in_blocks": True},
        {"multipliers": (1, 1, 2), "blocks": (1, 2, 3), "attention_at": (1, 4)},
        {"middle_attention": False, "attention_at": ()},
        {"middle_blocks": 3, "skips": "averaged"},
        {"multipliers": (1,), "attention_at": ()},
    ],
)
def test_every_shape_of_network_is_read_off_its_tensors(changes, state_dict, imported):
    config = patchddm.Config(unet=SMALL.model_copy(update={"heads": 1, "dimensions": 3, **changes}))
    path = state_dict(shapes(config, method=patchddm))
    network = {"groups": 32, "variant": "patchddm"}
    assert imported(path, "patchddm", network=network).config.unet == config.unet


def test_names_preparation_and_origin_are_written_with_the_weights(state_dict, imported, tmp_path):
    names = {"channels": ["t1", "t1ce", "t2", "flair"], "classes": ["tumour"]}
    document = imported(state_dict(shapes()), "wolleb", network={"heads": 4}, name="mine", **names).document
    assert [channel.name for channel in document.channels] == names["channels"]
    assert [info.name for info in document.classes] == names["classes"]
    assert (document.preparation.percentiles, document.preparation.intensity) == ((1, 99), "min-max")
    assert document.preparation.multiple == 2
    assert "Wolleb" in document.citation
    assert "JuliaWolleb" in document.licence
    assert document.name == "mine"


def test_without_a_place_the_import_joins_the_user_s_own(state_dict, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    nd.import_official(state_dict(shapes()), source="wolleb", name="My tumours")
    assert (
        find("My tumours") == tmp_path / "data" / "napari-diffseg" / "checkpoints" / "My-tumours.safetensors"
    )


def test_an_imported_checkpoint_segments_a_scan(amb_pt, imported, crop_path):
    checkpoint = imported(amb_pt, "ambdiffseg")
    box = Box((0, 0, 0), (2, 8, 8))
    run = nd.segment(nd.read_volume(crop_path), checkpoint, members=1, steps=2, box=box)
    assert run.result().consensus.shape == (2, 8, 8)


def test_parameters_are_read_as_tensors_are(state_dict, imported, tmp_path):
    tensors = torch.load(state_dict(shapes()))
    torch.save({key: torch.nn.Parameter(value) for key, value in tensors.items()}, tmp_path / "parameters.pt")
    weights = imported(tmp_path / "parameters.pt", "wolleb").weights
    assert all(torch.equal(weights[key], value) for key, value in tensors.items())


def test_views_into_one_storage_become_tensors_of_their_own(state_dict, imported, tmp_path):
    tensors = torch.load(state_dict(shapes()))
    flat = torch.cat([value.flatten() for value in tensors.values()])
    parts = flat.split([value.numel() for value in tensors.values()])
    views = {key: part.view(value.shape) for part, (key, value) in zip(parts, tensors.items(), strict=True)}
    torch.save(views, tmp_path / "views.pt")
    weights = imported(tmp_path / "views.pt", "wolleb").weights
    assert all(torch.equal(weights[key], value) for key, value in tensors.items())


def test_all_wrong_tensors_are_listed_by_name(state_dict, refused):
    wrong = shapes()
    del wrong["time_embed.0.bias"]
    wrong["out.2.bias"] = (5,)
    wrong["extra.weight"] = (1, 2)
    message = refused(state_dict(wrong), "wolleb", "does not hold the tensors of its network")
    assert "1 missing: time_embed.0.bias" in message
    assert "1 not expected: extra.weight [1, 2]" in message
    assert "1 mis-shaped: out.2.bias [5] instead of [2]" in message


def test_weights_that_are_not_numbers_are_refused(state_dict, refused):
    path = state_dict(shapes(), **{"out.2.bias": torch.tensor([0.0, torch.nan])})
    refused(path, "wolleb", r"1 not finite: out\.2\.bias")


def test_whole_numbers_for_weights_are_refused(state_dict, refused):
    path = state_dict(shapes(), **{"out.2.bias": torch.tensor([0, 1])})
    refused(path, "wolleb", r"of other numbers: out\.2\.bias torch\.int64")


@pytest.mark.parametrize("source", ["wolleb", "patchddm", "medsegdiff", "imgx"])
def test_a_file_of_another_source_is_told_whose_it_is(source, amb_pt, refused):
    refused(amb_pt, source, "looks like a checkpoint of AmbDiffSeg.* Import it as ambdiffseg")


@pytest.mark.parametrize("source", ["patchddm", "medsegdiff", "ambdiffseg", "imgx"])
def test_ensemdiff_s_network_is_taken_for_no_other(source, state_dict, refused):
    refused(state_dict(shapes()), source, "looks like a checkpoint of EnsemDiff.* Import it as wolleb")


@pytest.mark.parametrize("source", ["wolleb", "ambdiffseg"])
def test_a_folder_of_imgx_is_recognised(source, imgx_folder, refused):
    refused(imgx_folder, source, "looks like a checkpoint of ImgX-DiffSeg")


def test_the_probabilistic_u_net_comes_with_a_later_version(state_dict, refused):
    refused(state_dict(shapes()), "probunet", "come with the comparison methods")
    names = {"fcomb.last_layer.weight": (1,)}
    refused(
        state_dict(names), "wolleb", "looks like a checkpoint of Probabilistic U-Net.*cannot be imported yet"
    )


def test_an_unknown_source_names_the_known_ones(amb_pt, refused):
    refused(amb_pt, "unet", "no source “unet”. Choose one of wolleb, patchddm, medsegdiff, ambdiffseg, imgx")


def test_a_bare_state_dict_is_asked_for_its_target_by_name(state_dict, tmp_path):
    path = state_dict(listing("amb_unet_paper_keys"), dtype=torch.float16)
    with pytest.raises(nd.CheckpointError, match=r"does not tell “predict”.*x0 or noise or v"):
        nd.import_official(path, source="ambdiffseg", out=tmp_path / "ours.safetensors")


def test_patchddm_is_asked_for_what_its_run_script_does_not_fix(state_dict, refused, imported):
    unet = {**SMALL.model_dump(), "dimensions": 3, "skips": "averaged", "heads": 1}
    config = patchddm.Config(unet=unet, variant="halfres")
    path = state_dict(shapes(config, method=patchddm))
    refused(path, "patchddm", "does not tell “groups” and “variant”")
    checkpoint = imported(path, "patchddm", network={"groups": 32, "variant": "halfres"})
    assert (checkpoint.config.coordinates, checkpoint.document.preparation.multiple) == (False, 4)
    assert checkpoint.document.preparation.range == (-1, 1)


@pytest.mark.parametrize(
    ("network", "match"),
    [
        ({"width": 64}, "“width” is read from the file, or is no setting.*heads"),
        ({"heads": "many"}, "heads is 'many'"),
        ({"heads": 3}, "64 channels do not split into heads by 3"),
        ({"noise_schedule": "warm"}, "noise_schedule is 'warm'"),
    ],
)
def test_a_wrong_setting_is_one_sentence_with_the_right_ones(network, match, state_dict, refused):
    refused(state_dict(shapes()), "wolleb", match, network=network)


def test_names_must_be_as_many_as_channels_and_classes(state_dict, refused):
    path = state_dict(shapes())
    refused(path, "wolleb", "4 image channels, and 1 names", channels=["t1"])
    refused(path, "wolleb", "2 output channels; for 3 foreground classes", classes=["a", "b", "c"])


def test_an_existing_file_stays_unless_it_may_be_replaced(state_dict, imported, tmp_path):
    path, out = state_dict(shapes()), tmp_path / "ours.safetensors"
    out.write_bytes(b"precious")
    with pytest.raises(nd.CheckpointError, match="exists already"):
        imported(path, "wolleb")
    assert out.read_bytes() == b"precious"
    imported(path, "wolleb", overwrite=True)
    assert out.stat().st_size > 100_000


def test_a_place_that_cannot_be_written_is_one_sentence(state_dict, refused, tmp_path):
    (tmp_path / "file").touch()
    refused(state_dict(shapes()), "wolleb", "cannot be written", out=tmp_path / "file" / "x.safetensors")
    refused(state_dict(shapes()), "wolleb", "does not end in .safetensors", out=tmp_path / "x.pt")


@pytest.mark.parametrize("source", ["wolleb", "imgx"])
def test_a_missing_file_is_one_sentence(source, refused, tmp_path):
    refused(tmp_path / "nowhere.pt", source, "There is no .*nowhere.pt")


def test_an_optimiser_s_file_names_the_right_one(refused, tmp_path):
    torch.save({"state": {}, "param_groups": []}, tmp_path / "optsavedmodel.pt")
    refused(tmp_path / "optsavedmodel.pt", "wolleb", "state of an optimiser. Choose the file of the model")


def test_the_later_imgx_format_is_named(refused, tmp_path):
    (tmp_path / "checkpoint_500").mkdir()
    (tmp_path / "checkpoint_500" / "checkpoint").touch()
    refused(tmp_path / "checkpoint_500", "imgx", "written by ImgX-DiffSeg v0.3")


def test_imgx_is_read_from_either_of_its_files(imgx_folder, imported, tmp_path):
    folder = shutil.copytree(imgx_folder, tmp_path / "batch_1")
    from_tree = imported(folder / "tree.pkl", "imgx").sha256
    assert imported(folder / "arrays.npy", "imgx", overwrite=True, name="tree").sha256 == from_tree
