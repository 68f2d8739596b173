"""DICOM segmentations of reads on a real CT: they open again with the same voxels."""

import subprocess
import sys
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.io.dicom import read_dicom
from napari_diffseg.raters.cases import add_scan
from napari_diffseg.raters.dicom_seg import series_below, write_dicom_seg
from napari_diffseg.raters.export import exporting
from napari_diffseg.raters.imported_read import import_read
from napari_diffseg.raters.lesion import Lesion
from napari_diffseg.results.result import ClassInfo
from napari_diffseg.volume import Grid, LabelMap
from napari_diffseg.volume.orientation import display_affine, to_display

DICOM = Path(__file__).parents[1] / "data" / "dicom"
CT = DICOM / "ct_lung"
CLASSES = (ClassInfo("nodule", "#e4572e"), ClassInfo("other", "#2e86ab"))


def export(project, folder, **settings):
    *_, done = exporting(project, folder, **settings)
    return done


@pytest.fixture(scope="module")
def ct():
    return read_dicom(CT)


@pytest.fixture
def mask(ct):
    """Two structures that are alike in no direction."""
    labels = np.zeros(ct.grid.shape, dtype=np.uint8)
    labels[1:4, 10:20, 12:40], labels[3:5, 30:33, 5:9], labels[0, 0, 0] = 1, 2, 1
    return LabelMap(labels, ct.grid, ct.origin)


def reopened(path):
    """What highdicom makes of it, in display order with its grid."""
    volume = hd.seg.segread(path).get_volume(combine_segments=True)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.affine
    array = to_display(volume.array, affine)
    return LabelMap(array, Grid(array.shape, display_affine(affine, volume.array.shape)))


def test_it_opens_again_with_the_same_voxels_in_the_same_place(mask, tmp_path):
    write_dicom_seg(tmp_path / "a.dcm", mask, series_below(CT), classes=CLASSES, rater="Anna")
    found = reopened(tmp_path / "a.dcm")
    assert np.array_equal(found.data, mask.data)
    assert found.grid.matches(mask.grid)


def test_an_empty_read_opens_as_an_empty_one(mask, tmp_path):
    empty = LabelMap(np.zeros_like(mask.data), mask.grid, mask.origin)
    write_dicom_seg(tmp_path / "a.dcm", empty, series_below(CT), classes=CLASSES, rater="Anna")
    found = reopened(tmp_path / "a.dcm")
    assert found.data.shape == mask.data.shape
    assert not found.data.any()


def test_each_slice_refers_to_its_own_image(mask, tmp_path):
    write_dicom_seg(tmp_path / "a.dcm", mask, series_below(CT), classes=CLASSES, rater="Anna")
    segmentation = hd.seg.segread(tmp_path / "a.dcm")
    headers = sorted(map(pydicom.dcmread, CT.iterdir()), key=lambda header: -header.ImagePositionPatient[2])
    frames = segmentation.get_pixels_by_source_instance(
        [header.SOPInstanceUID for header in headers], combine_segments=True
    )
    lowest_first = frames[::-1]  # display order begins below, and this CT lies as it is displayed
    assert np.array_equal(frames, mask.data) or np.array_equal(lowest_first, mask.data)
    assert segmentation.StudyInstanceUID == headers[0].StudyInstanceUID
    assert segmentation.FrameOfReferenceUID == headers[0].FrameOfReferenceUID


def test_it_names_structures_and_rater_and_no_patient(mask, tmp_path):
    write_dicom_seg(tmp_path / "a.dcm", mask, series_below(CT), classes=CLASSES, rater="Anna^=\\ B.")
    found = hd.seg.segread(tmp_path / "a.dcm")
    assert [part.segment_label for part in found.SegmentSequence] == ["nodule", "other"]
    assert str(found.ContentCreatorName).strip("^") == "Anna B."
    assert found.Modality == "SEG"
    for name in ("PatientName", "PatientBirthDate", "ReferringPhysicianName"):
        assert str(found.get(name, "")) == ""
    assert found.PatientID == pydicom.dcmread(next(CT.iterdir())).PatientID


def test_a_mask_of_another_scan_is_refused(mask, tmp_path):
    moved = mask.grid.affine.copy()
    moved[0, 3] += 1
    with pytest.raises(RaterProjectError, match="No DICOM series lies where the mask does"):
        write_dicom_seg(
            tmp_path / "a.dcm",
            LabelMap(mask.data, Grid(mask.grid.shape, moved)),
            series_below(CT),
            classes=CLASSES,
            rater="Anna",
        )
    assert not list(tmp_path.iterdir())


def test_the_series_is_found_among_others_that_are_no_scans(mask, tmp_path):
    write_dicom_seg(tmp_path / "a.dcm", mask, series_below(DICOM / "ct_lung"), classes=CLASSES, rater="A")
    several = (*series_below(DICOM / "ct_uneven_gaps_16x16"), *series_below(CT))
    write_dicom_seg(tmp_path / "b.dcm", mask, several, classes=CLASSES, rater="A")
    assert np.array_equal(reopened(tmp_path / "b.dcm").data, mask.data)


def test_a_series_that_nothing_can_refer_to_is_refused(tmp_path):
    scan = read_dicom(DICOM / "mr_double_oblique")  # without a frame of reference
    mask = LabelMap(np.ones(scan.grid.shape, dtype=np.uint8), scan.grid, scan.origin)
    with pytest.raises(RaterProjectError, match=r"Frame Of Reference .*Export NIfTI instead"):
        write_dicom_seg(
            tmp_path / "a.dcm",
            mask,
            series_below(DICOM / "mr_double_oblique"),
            classes=CLASSES,
            rater="Anna",
        )
    assert not list(tmp_path.iterdir())


def test_an_export_writes_one_for_each_read(new_project, ct, mask, tmp_path):
    project = add_scan(new_project(cases=()), "chest", ct)
    read = np.where(mask.data == 1, np.uint8(2), np.uint8(0))
    import_read(project, "chest", "Anna", read, [Lesion(number=2, kind="nodule")])
    import_read(project, "chest", "Bob", np.zeros_like(read))
    done = export(project, tmp_path / "out", dicom=CT)
    assert done.warnings == ()
    assert np.array_equal(reopened(tmp_path / "out" / "chest" / "Anna.dcm").data, mask.data == 1)
    assert not reopened(tmp_path / "out" / "chest" / "Bob.dcm").data.any()


def test_a_case_without_its_series_is_exported_with_a_warning(project, drawn, finished_by, tmp_path):
    finished_by(project, "Anna", drawn)
    (warning,) = export(project, tmp_path / "out", dicom=CT).warnings
    assert "No DICOM series lies where the mask does" in warning
    assert (tmp_path / "out" / "hippocampus_148" / "Anna.nii.gz").exists()
    with pytest.raises(RaterProjectError, match="There is no folder"):
        export(project, tmp_path / "more", dicom=tmp_path / "nowhere")


def test_without_highdicom_a_sentence_says_how_to_get_it():
    code = (
        "import sys; sys.modules['highdicom'] = None\n"
        "from pathlib import Path\n"
        "from napari_diffseg.errors import RaterProjectError\n"
        "from napari_diffseg.raters.dicom_seg import series_below\n"
        "try:\n    series_below(Path('.'))\nexcept RaterProjectError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "napari-diffseg[dicom-seg]"' in done.stdout


def test_exporting_and_agreeing_leave_highdicom_and_torch_out():
    code = (
        "import sys; import napari_diffseg.raters.export, napari_diffseg.raters.verdict; "
        "print(sorted({'highdicom', 'torch', 'napari', 'qtpy'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
