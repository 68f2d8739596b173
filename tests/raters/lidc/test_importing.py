"""LIDC-IDRI's files as a rater project, with CT series and without."""

import re
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters.finished_read import phase_of, reads_of
from napari_diffseg.raters.lidc.importing import import_lidc
from napari_diffseg.raters.lidc.notes import BARE, NUMBERS, SESSIONS, UNBLINDED
from napari_diffseg.raters.lidc_form import LIDC_FORM
from napari_diffseg.raters.project import open_project

SERIES = {
    "185/074.xml": "1.3.6.1.4.1.14519.5.2.1.6279.6001.323541312620128092852212458228",
    "188/259.xml": "1.3.6.1.4.1.14519.5.2.1.6279.6001.674809958213117379592437424616",
}


@pytest.fixture
def copied(xml, tmp_path):
    """A folder with some of the files, for example copied("185/074.xml")."""

    def copy(*names):
        folder = tmp_path / "xml"
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(xml / name, folder / name)
        return folder

    return copy


def without_points(path):
    """So that few slices are needed."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"<nonNodule>.*?</nonNodule>", "", text, flags=re.DOTALL)
    nodule = r"<unblindedReadNodule>(?:(?!</unblindedReadNodule>).)*</unblindedReadNodule>"
    kept = re.sub(nodule, lambda n: n[0] if n[0].count("<edgeMap>") > 1 else "", text, flags=re.DOTALL)
    path.write_text(kept, encoding="utf-8")


def write_series(folder, uid, places, spacing_mm, *, name="Doe^Jane", size=512):
    folder.mkdir(parents=True)
    for number, z_mm in enumerate(places):
        header = pydicom.Dataset()
        header.file_meta = FileMetaDataset()
        header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = CTImageStorage
        header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID = generate_uid()
        header.SeriesInstanceUID, header.Modality = uid, "CT"
        header.PatientName, header.PatientID = name, name
        header.ImagePositionPatient = [-200, -180, z_mm]
        header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        header.PixelSpacing = [spacing_mm, spacing_mm]
        header.Rows = header.Columns = size
        header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
        header.BitsAllocated = header.BitsStored = 16
        header.HighBit, header.PixelRepresentation = 15, 0
        header.RescaleSlope, header.RescaleIntercept = 1, -1024
        header.PixelData = np.full((size, size), number, dtype=np.uint16).tobytes()
        header.save_as(folder / f"{number:03d}.dcm", enforce_file_format=True)


def plain_series(folder):
    write_series(folder, SERIES["185/074.xml"], np.arange(-235.0, -224.0, 1.25), 0.822266)


def masks(project, case):
    return {read.reader: read.class_mask() for read in reads_of(project, case, by=None)}


def test_volumes_in_a_ct_series_are_the_published_ones(copied, expected, tmp_path):
    folder = copied("185/074.xml")
    without_points(folder / "185" / "074.xml")
    plain_series(tmp_path / "dicom" / "LIDC-IDRI-0004" / "1.3.6.1" / "3000566-03192")
    project = import_lidc(tmp_path / "dicom", folder, out=tmp_path / "project")
    (case,) = project.document.cases
    assert case.name == "LIDC-IDRI-0004"
    found = masks(project, case.name)
    for session in expected["185/074.xml"]["sessions"]:
        (known,) = (nodule for nodule in session["nodules"] if nodule["voxels"])
        mask = found[f"session {session['session'] + 1}"]
        voxels = np.count_nonzero(mask.data)
        assert voxels == known["voxels_exclusion_outline_removed"]
        assert voxels * mask.grid.voxel_ml * 1000 == pytest.approx(known["volume_mm3"], abs=1e-3)


def test_a_read_lies_on_its_scan_on_the_slices_of_the_xml(copied, tmp_path):
    folder = copied("185/074.xml")
    without_points(folder / "185" / "074.xml")
    plain_series(tmp_path / "dicom")
    project = import_lidc(tmp_path / "dicom", folder, out=tmp_path / "project")
    (case,) = project.document.cases
    scan, mask = project.scan(case.name), masks(project, case.name)["session 1"]
    assert mask.grid.matches(scan.grid)
    assert set(scan.data[0][mask.data > 0].tolist()) == {number - 1024 for number in (2, 3, 4, 5)}
    centre = scan.grid.affine @ np.append(np.argwhere(mask.data).mean(axis=0), 1)
    assert centre[:3] == pytest.approx((200 - 141.5 * 0.822266, 180 - 321.5 * 0.822266, -230.4), abs=1)


def test_reads_are_imported_unblinded_and_the_project_says_what_they_are(copied, tmp_path):
    project = import_lidc(None, copied("188/259.xml"), out=tmp_path / "project")
    reads = reads_of(project, "188-259", by=None)
    assert project.document.form == LIDC_FORM
    assert project.document.notes[:4] == (UNBLINDED, SESSIONS, NUMBERS, BARE)
    assert [read.reader for read in reads] == [f"session {number}" for number in (1, 2, 3, 4)]
    assert {(read.record.kind, read.record.phase, read.record.status) for read in reads} == {
        ("imported", "unblinded", "finished")
    }
    assert phase_of(project, "188-259") == "unblinded"
    assert all(UNBLINDED in read.record.note for read in reads)


def test_ratings_points_and_empty_sessions_are_kept(copied, tmp_path):
    project = import_lidc(None, copied("188/259.xml"), out=tmp_path / "project")
    first, _, third, _ = (read.lesions() for read in reads_of(project, "188-259", by=None))
    (rated, *_) = first
    assert rated.kind == "nodule"
    assert rated.ratings["subtlety"] == 4
    assert set(rated.ratings) == {field.name for field in LIDC_FORM.fields}
    assert {lesion.kind for lesion in third} == {"small nodule", "non-nodule"}


def test_without_dicom_slices_are_blank_and_the_project_says_so(copied, tmp_path):
    project = import_lidc(None, copied("188/259.xml"), out=tmp_path / "project")
    (case,) = project.document.cases
    scan = project.scan(case.name)
    assert scan.data.shape == (1, 63, 512, 512)
    assert not scan.data.any()
    assert scan.grid.spacing_mm == pytest.approx((2.5, 1, 1))
    assert BARE in case.note
    assert SERIES["188/259.xml"] in case.note


def test_files_of_one_series_with_the_same_contours_are_one_case(copied, tmp_path):
    project = import_lidc(copied("188/091.xml", "188/093.xml"), out=tmp_path / "project")
    (case,) = project.document.cases
    assert case.raters == tuple(f"session {number}" for number in (1, 2, 3, 4))
    assert "The same marks stand in 188/093.xml." in case.note


def test_files_of_one_series_with_other_contours_are_not_eight_readers(copied, tmp_path):
    folder = copied("188/091.xml", "188/093.xml")
    path = folder / "188" / "093.xml"
    path.write_text(path.read_text().replace("<xCoord>3", "<xCoord>2"))
    project = import_lidc(folder, out=tmp_path / "project")
    (case,) = project.document.cases
    assert len(case.raters) == 4
    assert any(
        "188/093.xml was left out: 188/091.xml is of the same series" in n for n in project.document.notes
    )


def test_eight_sessions_are_eight_reads_and_the_case_says_why(copied, tmp_path):
    folder = copied("188/011.xml")
    without_points(folder / "188" / "011.xml")
    project = import_lidc(folder, out=tmp_path / "project")
    (case,) = project.document.cases
    assert len(reads_of(project, case.name, by=None)) == 8
    assert "8 sessions of at most 4 readers" in case.note


def test_radiographs_and_damaged_files_are_named_and_do_not_stop_the_import(copied, tmp_path):
    radiographs = ("185/120.xml", "185/179.xml", "185/180.xml", "185/213.xml")
    folder = copied("188/259.xml", *radiographs)
    (folder / "cut.xml").write_text("<LidcReadMessage>")
    (folder / "other.xml").write_text("<settings/>")
    project = import_lidc(folder, out=tmp_path / "project")
    notes = "\n".join(project.document.notes)
    assert [case.name for case in project.document.cases] == ["188-259"]
    assert "of chest radiographs: 185/120.xml, 185/179.xml, 185/180.xml, 185/213.xml." in notes
    assert "cut.xml was left out. cut.xml is no XML" in notes
    assert "other.xml was left out. other.xml is no annotation" in notes


def test_annotations_of_series_that_are_not_there_are_named(copied, tmp_path):
    folder = copied("185/074.xml", "188/259.xml")
    without_points(folder / "185" / "074.xml")
    plain_series(tmp_path / "dicom" / "LIDC-IDRI-0004")
    project = import_lidc(tmp_path / "dicom", folder, out=tmp_path / "project")
    assert [case.name for case in project.document.cases] == ["LIDC-IDRI-0004"]
    assert "Left out, as their CT series are not there: 188/259.xml." in project.document.notes


def test_a_series_that_lacks_slices_leaves_its_case_out(copied, tmp_path):
    folder = copied("185/074.xml", "188/259.xml")
    for name, xml_file in (("074", "185"), ("259", "188")):
        without_points(folder / xml_file / f"{name}.xml")
    plain_series(tmp_path / "dicom" / "LIDC-IDRI-0004")
    (tmp_path / "dicom" / "LIDC-IDRI-0004" / "003.dcm").unlink()
    places = [round(-88.68 + 2.5 * number, 2) for number in range(6)]
    write_series(tmp_path / "dicom" / "LIDC-IDRI-0846", SERIES["188/259.xml"], places, 0.734375)
    project = import_lidc(tmp_path / "dicom", folder, out=tmp_path / "project")
    assert [case.name for case in project.document.cases] == ["LIDC-IDRI-0846"]
    assert any(
        note.startswith("185/074.xml was left out.") and "gaps of" in note for note in project.document.notes
    )


@pytest.mark.parametrize(("size", "said"), [(256, "An outline reaches column"), (512, "has no slice at z")])
def test_a_series_that_does_not_hold_the_marks_is_refused(copied, tmp_path, size, said):
    folder = copied("185/074.xml")
    without_points(folder / "185" / "074.xml")
    first = -235.0 if size == 256 else 0.0
    places = first + 1.25 * np.arange(9)
    write_series(tmp_path / "dicom", SERIES["185/074.xml"], places, 0.8, size=size)
    with pytest.raises(RaterProjectError, match=said):
        import_lidc(tmp_path / "dicom", folder, out=tmp_path / "project")
    assert not (tmp_path / "project").exists()


def test_no_name_of_a_patient_is_written(copied, tmp_path):
    folder = copied("185/074.xml")
    without_points(folder / "185" / "074.xml")
    plain_series(tmp_path / "dicom" / "series")
    import_lidc(tmp_path / "dicom", folder, out=tmp_path / "project")
    for path in (tmp_path / "project").rglob("*"):
        assert "Jane" not in str(path)
        if path.is_file():
            assert b"Jane" not in path.read_bytes()


def test_nothing_is_left_where_nothing_can_be_imported(copied, tmp_path):
    folder = copied("185/179.xml")
    with pytest.raises(RaterProjectError, match=r"no annotation.*radiographs: 185/179\.xml"):
        import_lidc(folder, out=tmp_path / "project")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RaterProjectError, match="Choose the folder with its XML files"):
        import_lidc(tmp_path / "empty", out=tmp_path / "project")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "xml"]


@pytest.mark.parametrize(
    ("dicom_dir", "xml_dir", "said"),
    [
        (None, None, "No folder was given"),
        (Path("nowhere"), None, "There is no folder nowhere"),
        (Path("nowhere"), Path(), "There is no folder nowhere"),
        (None, Path("nowhere"), "There is no folder nowhere"),
    ],
)
def test_a_folder_that_is_missing_is_named(tmp_path, dicom_dir, xml_dir, said):
    with pytest.raises(RaterProjectError, match=said):
        import_lidc(dicom_dir, xml_dir, out=tmp_path / "project")


def test_a_folder_that_is_there_is_not_written_over(copied, tmp_path):
    folder = copied("188/259.xml")
    (tmp_path / "project").mkdir()
    with pytest.raises(RaterProjectError, match="is there already"):
        import_lidc(folder, out=tmp_path / "project")
    with pytest.raises(RaterProjectError, match="There is no folder"):
        import_lidc(folder, out=tmp_path / "nowhere" / "project")


def test_the_project_opens_again_as_it_was_given(copied, tmp_path):
    project = import_lidc(None, copied("188/259.xml"), out=tmp_path / "project")
    assert open_project(tmp_path / "project") == project
