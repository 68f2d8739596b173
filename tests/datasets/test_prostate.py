"""A flat folder of the form of ImgX-DiffSeg's prostate MR, made from real crops with masks."""

import shutil
from pathlib import Path

import pytest

import napari_diffseg as nd
from napari_diffseg.datasets import prostate

HIPPOCAMPUS = Path(__file__).parents[1] / "data" / "hippocampus"


def lay(root, names):
    for name in names:
        shutil.copy(HIPPOCAMPUS / "images" / "hippocampus_148.nii.gz", root / f"{name}_img.nii.gz")
        shutil.copy(HIPPOCAMPUS / "labels" / "hippocampus_148.nii.gz", root / f"{name}_mask.nii.gz")
    return root


def test_an_image_and_its_mask_are_a_case(tmp_path):
    dataset = prostate.read(lay(tmp_path, ("001000", "001001")))
    assert [(case.name, case.patient, case.group) for case in dataset.cases] == [
        ("001000", "001000", None),
        ("001001", "001001", None),
    ]
    assert (dataset.channels, dataset.modality, len(dataset.classes)) == (("t2",), "MR", 8)
    found = dataset.cases[0].read()
    assert (found.scan.channels, found.scan.modality, len(found.reads)) == (("t2",), "MR", 1)


def test_parts_are_told_by_institution_as_imgx_does(tmp_path):
    ucl, bergen = [f"{number:06d}" for number in range(12)], [f"{number:06d}" for number in range(100, 108)]
    lay(tmp_path, ucl + bergen)
    lines = [f"{name} UCL" for name in ucl] + [f"{name} bergen" for name in bergen]
    (tmp_path / "institution.txt").write_text("\n".join(lines[::2] + lines[1::2]))
    parts = {case.name: case.group for case in prostate.read(tmp_path).cases}
    # of UCL's 12, in the order of the file: 2, then up to 9 - 2, then the rest; of bergen's 8: 2, 2 and 4
    in_order = ucl[::2] + ucl[1::2]
    assert [parts[name] for name in in_order] == ["validation"] * 2 + ["train"] * 5 + ["test"] * 5
    in_order = bergen[::2] + bergen[1::2]
    assert [parts[name] for name in in_order] == ["validation"] * 2 + ["train"] * 2 + ["test"] * 4


def test_lines_on_nothing_known_leave_the_parts_open(tmp_path):
    lay(tmp_path, ("001000",))
    (tmp_path / "institution.txt").write_bytes(b"\n\xff\xfe nonsense\n999999 UCL\n")
    assert [case.group for case in prostate.read(tmp_path).cases] == [None]


def test_an_image_alone_is_a_problem_and_a_folder_of_such_is_refused(tmp_path):
    lay(tmp_path, ("001000", "001001"))
    (tmp_path / "001001_mask.nii.gz").unlink()
    assert [problem.case for problem in prostate.read(tmp_path).problems] == ["001001"]
    (tmp_path / "001000_mask.nii.gz").unlink()
    assert not prostate.recognises(tmp_path)
    with pytest.raises(nd.DatasetError, match="001000: There is no mask"):
        prostate.read(tmp_path)
