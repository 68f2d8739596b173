"""What comes out of DICOM series, and which ones are refused."""

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813 (its own custom)

from napari_diffseg.errors import ScanError
from napari_diffseg.io import read_channels, read_labels, read_volume, write_volume
from napari_diffseg.volume.orientation import from_display

DICOM = Path(__file__).parents[1] / "data" / "dicom"
LUNG = DICOM / "ct_lung"


def changed(folder, change, source=LUNG):
    """A copy of a series with a change made to each header; a file is left out where that gives False."""
    folder.mkdir()
    for number, path in enumerate(sorted(source.iterdir())):
        header = pydicom.dcmread(path)
        if change(number, header) is not False:
            header.save_as(folder / path.name)
    return folder


def refuse(path, said):
    with pytest.raises(ScanError, match=said) as caught:
        read_volume(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")


@pytest.mark.parametrize("name", ["ct_lung", "mr_double_oblique", "pmod_anisotropic_pixels"])
def test_voxels_and_places_are_those_that_itk_reads(name):
    scan = read_volume(DICOM / name)
    reader = sitk.ImageSeriesReader()
    files = reader.GetGDCMSeriesFileNames(str(DICOM / name))
    slices = [sitk.GetArrayFromImage(sitk.ReadImage(file))[0] for file in files]
    in_file = from_display(scan.data, scan.origin.affine)[0]
    assert np.allclose(in_file, np.transpose(slices, (2, 1, 0)), rtol=1e-6)
    image = sitk.ReadImage(files)
    for index in ((0, 0, 0), (5, 0, 0), (0, 7, 0), (0, 0, 3)):
        lps = image.TransformIndexToPhysicalPoint(index)
        ras = scan.origin.affine @ (*index, 1)
        assert ras[:3] == pytest.approx(np.multiply(lps, (-1, -1, 1)), abs=0.02)


def test_a_ct_is_in_hounsfield_units_of_whole_numbers():
    scan = read_volume(LUNG)
    stored = [pydicom.dcmread(path).pixel_array for path in sorted(LUNG.iterdir())]
    assert scan.data.dtype == np.int16
    assert scan.modality == "CT"
    assert (scan.data.min(), scan.data.max()) == (int(np.min(stored)) - 1024, int(np.max(stored)) - 1024)


def test_a_series_is_shown_head_up_whichever_way_its_files_run():
    scan = read_volume(LUNG)
    assert nib.aff2axcodes(scan.grid.affine) == ("I", "P", "L")
    assert scan.grid.spacing_mm == pytest.approx((8, 0.646484375, 0.646484375))
    assert scan.grid.affine[2, 3] == 208  # z of 1-14, the highest
    assert np.array_equal(scan.data[0, 0], pydicom.dcmread(LUNG / "1-14.dcm").pixel_array - 1024.0)


def test_one_file_brings_all_of_its_series():
    whole, one = read_volume(LUNG), read_volume(LUNG / "1-17.dcm")
    assert np.array_equal(one.data, whole.data)
    assert one.name == whole.name == "ct_lung"
    assert one.origin.sha256 == whole.origin.sha256


def test_a_file_chooses_among_the_series_of_its_folder():
    refuse(DICOM / "ct_4d_tiny", r"holds 2 series \(4 slices of CT, .*\), where one is needed\. Open a file")
    first = min((DICOM / "ct_4d_tiny").iterdir())
    assert read_volume(first).data.shape == (1, 4, 2, 3)


def test_a_folder_above_the_series_is_as_good(tmp_path):
    shutil.copytree(LUNG, tmp_path / "study" / "series")
    assert np.array_equal(read_volume(tmp_path / "study").data, read_volume(LUNG).data)


def test_slopes_that_are_no_whole_numbers_give_floats():
    assert read_volume(DICOM / "ct_slope_tiny").data.dtype == np.float32


@pytest.mark.parametrize("packed", ["jpeg_lossless", "rle"])
def test_packed_slices_are_unpacked_without_loss(tmp_path, packed):
    for name in (packed, "rle"):
        (tmp_path / name).mkdir(exist_ok=True)
        shutil.copyfile(DICOM / "mr_sagittal" / f"{name}.dcm", tmp_path / name / "slice.dcm")
    scan = read_volume(tmp_path / packed)
    assert np.array_equal(scan.data, read_volume(tmp_path / "rle").data)
    assert scan.data.shape == (1, 256, 256, 1)
    assert scan.data.max() == 254


def test_a_mask_of_a_series_is_written_on_the_series_own_axes(tmp_path):
    scan = read_volume(LUNG)
    mask = (scan.data[0] > 0).astype(np.uint8)
    write_volume(tmp_path / "mask.nii.gz", mask, scan.origin, scan.grid)
    assert np.allclose(nib.load(tmp_path / "mask.nii.gz").affine, scan.origin.affine, rtol=0, atol=1e-5)
    back = read_labels(tmp_path / "mask.nii.gz")
    assert np.array_equal(back.data, mask)
    assert back.grid.matches(scan.grid)


def test_a_series_can_be_one_of_several_channels(tmp_path):
    scan = read_volume(LUNG)
    write_volume(tmp_path / "dose.nii", scan.data[0], scan.origin, scan.grid)
    both = read_channels({"ct": LUNG, "dose": tmp_path / "dose.nii"})
    assert np.array_equal(both.data[0], both.data[1])


def test_no_name_of_a_patient_is_kept(tmp_path):
    def named(_, header):
        header.PatientName, header.PatientID = "Doe^Jane", "Jane-1"

    scan = read_volume(changed(tmp_path / "scan", named))
    write_volume(tmp_path / "copy.nii", scan.data[0], scan.origin, scan.grid)
    for text in (repr(scan.origin), (tmp_path / "copy.nii").read_bytes().decode("latin-1")):
        assert "Jane" not in text
        assert "Doe" not in text


def test_localisers_and_files_without_an_image_beside_a_scan_are_passed_over(tmp_path):
    def localiser(number, header):
        header.SeriesInstanceUID = "1.2.3"
        header.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        return number == 0

    folder = changed(tmp_path / "scan", lambda *_: True)
    shutil.copyfile(changed(tmp_path / "localiser", localiser) / "1-14.dcm", folder / "localiser.dcm")
    shutil.copyfile(DICOM / "single_files" / "rtstruct.dcm", folder / "rtstruct.dcm")
    (folder / "notes.txt").write_text("not DICOM")
    assert read_volume(folder).data.shape == (1, 6, 48, 64)
    refuse(folder / "localiser.dcm", "is a localiser")


def test_a_tilted_scanner_gives_a_sheared_grid(tmp_path):
    def tilted(number, header):
        x, y, z = header.ImagePositionPatient
        header.ImagePositionPatient = [x, y + 2 * number, z]

    scan = read_volume(changed(tmp_path / "tilted", tilted))
    step = scan.grid.affine[:3, 0]
    assert step == pytest.approx((0, -2, -8))


def missing_one(number, _):
    return number != 2


def other_direction(number, header):
    if number == 3:
        header.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]


def other_size(number, header):
    if number == 3:
        header.Rows = 47


def one_place(number, header):
    if number == 3:
        header.ImagePositionPatient[2] = 192


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (missing_one, "gaps of 8 to 16 mm between its 5 slices"),
        (other_direction, "slices of several directions"),
        (other_size, r"64 × 48 and of 64 × 47 pixels"),
        (one_place, "two slices in one place"),
        (lambda _, header: setattr(header, "PixelSpacing", [0, 0.5]), "voxels measure"),
        (lambda _, header: delattr(header, "PixelSpacing"), "does not say where it lies"),
        (lambda _, header: setattr(header, "NumberOfFrames", 3), "3 frames in one file"),
    ],
)
def test_a_series_that_is_no_even_stack_is_refused_with_the_reason(tmp_path, change, said):
    refuse(changed(tmp_path / "odd", change), said)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ct_uneven_gaps_16x16", "gaps of 1.25 to 202.5 mm"),
        ("single_files/SC_rgb_jpeg_dcmtk.dcm", "holds colours"),
        ("single_files/emri_small_jpeg_2k_lossless.dcm", "10 frames in one file"),
        ("single_files/MR_truncated.dcm", "MR_truncated.dcm is a damaged DICOM file"),
        ("single_files/rtstruct.dcm", "nor is it DICOM"),
    ],
)
def test_a_strangers_file_that_is_no_scan_is_refused(name, said):
    refuse(DICOM / name, said)


def test_a_folder_without_dicom_is_refused(tmp_path):
    (tmp_path / "scan.png").write_bytes(bytes(500))
    refuse(tmp_path, "does not end in .nii or .nii.gz, nor is it DICOM")


@pytest.mark.parametrize("kept", [132, 200, 1000, -1000])
def test_a_file_cut_short_anywhere_ends_in_a_sentence(tmp_path, kept):
    folder = changed(tmp_path / "cut", lambda *_: True)
    path = folder / "1-16.dcm"
    path.write_bytes(path.read_bytes()[:kept])
    refuse(folder, r"1-16\.dcm is a damaged DICOM file|gaps of")


def test_any_spoiled_byte_gives_a_scan_or_a_sentence(tmp_path):
    folder = changed(tmp_path / "spoiled", lambda number, _: number < 2)
    path = folder / "1-15.dcm"
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    for offset in rng.integers(128, len(good) - 2 * 48 * 64, 150):
        content = bytearray(good)
        content[offset] = rng.integers(256)
        path.write_bytes(content)
        try:
            assert read_volume(folder).data.ndim == 4
        except ScanError as error:
            assert str(error).endswith(".")  # noqa: PT017 (either outcome is right)
