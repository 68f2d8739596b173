"""Files that a stranger or a broken disk left in a project are refused in a sentence, whatever they hold."""

import json

import numpy as np
import pytest

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters.finished_read import reads_of
from napari_diffseg.raters.opening import open_read
from napari_diffseg.raters.overview import overview
from napari_diffseg.raters.project import open_project

CASE = "hippocampus_148"
FORMS = {
    "empty": b"",
    "not JSON": b"{",
    "not text": b"\xff\xfe\x00",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "too deep": b"[" * 100_000,
    "deep in a field": b'{"title": ' + b"[" * 900 + b"]" * 900 + b"}",
    "a huge number": b'{"format": ' + b"9" * 5000 + b"}",
    "a strange format": b'{"format": "one"}',
    "a NaN": b'{"format": NaN}',
}


def folder(project, name):
    return {
        "raters.json": project.root,
        **dict.fromkeys(("read.json", "lesions.json"), project.root / "reads" / CASE / "Anna" / "001"),
    }[name] / name


def use(project):
    """Everything that reads the files."""
    again = open_project(project.root)
    overview(again, by="Anna")
    for read in reads_of(again, CASE, by="Anna"):
        read.class_mask()
    with open_read(again, CASE, "Anna") as read:
        read.record(read.mask())


@pytest.fixture
def begun(project, drawn):
    with open_read(project, CASE, "Anna") as read:
        data = read.mask()
        data[:] = drawn
        read.record(data)
        read.add_lesion("non-nodule", voxel=(1, 2, 3))
        read.remove_lesion(3, data)
    return project


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("name", ["raters.json", "read.json", "lesions.json"])
def test_a_document_that_is_none_is_refused_by_name(begun, name, content):
    folder(begun, name).write_bytes(content)
    with pytest.raises(RaterProjectError, match=name):
        use(begun)


def mutations(value, rng):
    """The same JSON with one random place changed."""
    places = []

    def walk(node, path):
        places.append(path)
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, child in items:
            walk(child, (*path, key))

    walk(value, ())
    path = places[rng.integers(1, len(places))]
    node = value
    for key in path[:-1]:
        node = node[key]
    strange = [
        None,
        -1,
        10**30,
        1.5,
        "",
        "x" * 300_000,
        "\0",
        [],
        {},
        [[]],
        {"a": 1},
        True,
        "../..",
        "2",
        -(10**400),
    ]
    match rng.integers(3):
        case 0 if isinstance(node, dict):
            node["surprise"] = 1
        case 1:
            del node[path[-1]]
        case _:
            node[path[-1]] = strange[rng.integers(len(strange))]
    return value


def refusal(project):
    """What using the files ends in; None when they can be used."""
    try:
        use(project)
    except RaterProjectError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", ["raters.json", "read.json", "lesions.json"])
def test_no_changed_document_ends_in_anything_but_a_sentence(begun, name):
    path, rng, refused = folder(begun, name), np.random.default_rng(0), 0
    content = path.read_text()
    for _ in range(120):
        path.write_text(json.dumps(mutations(json.loads(content), rng)))
        sentence = refusal(begun)
        assert sentence is None or (sentence.endswith(".") and len(sentence) < 2000)
        refused += sentence is not None
    assert refused > 40


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("case", "another", "is of session 1 of “Anna” on “another”, where that of session 1 of “Anna”"),
        ("session", 7, "is of session 7"),
        ("status", "lost", "not valid at “status”"),
        ("active_seconds", -1, "not valid at “active_seconds”"),
        ("started", "yesterday", "not valid at “started”"),
        ("started", "2026-01-01T10:00:00", "not valid at “started”"),  # of which clock?
        ("format", 9, r"is of format 9, and this version reads up to 1\. Install"),
    ],
)
def test_a_wrong_field_of_a_record_is_named(begun, field, value, sentence):
    path = folder(begun, "read.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    with pytest.raises(RaterProjectError, match=sentence):
        use(begun)


@pytest.mark.parametrize("bits", ["", "!!!", "eJw=", "AAAA"])
def test_damaged_voxels_of_a_removed_lesion_are_told_when_it_should_come_back(begun, bits):
    path = folder(begun, "lesions.json")
    content = json.loads(path.read_text())
    (removed,) = [lesion for lesion in content["lesions"] if lesion["removed"]]
    removed["removed"]["bits"] = bits
    path.write_text(json.dumps(content))
    with open_read(begun, CASE, "Anna") as read:
        data = read.mask()
        with pytest.raises(RaterProjectError, match="voxels of a removed lesion are damaged"):
            read.restore_lesion(3, data)
        assert np.array_equal(data, read.mask())


def mask_of(project):
    return project.root / "reads" / CASE / "Anna" / "001" / "mask.nii.gz"


def test_a_damaged_mask_is_refused_by_name(begun):
    path = mask_of(begun)
    content = path.read_bytes()
    for damaged in (b"", b"garbage", content[: len(content) // 2], content[:-4]):
        path.write_bytes(damaged)
        with pytest.raises(RaterProjectError, match=r"Anna/001/mask\.nii\.gz cannot be used"):
            use(begun)
    path.unlink()
    with pytest.raises(RaterProjectError, match=r"Anna/001/mask\.nii\.gz cannot be used"):
        use(begun)


def test_a_mask_of_another_scan_is_refused(begun, crop_path):
    import nibabel

    image = nibabel.load(crop_path.with_name("hippocampus_017.nii.gz"))
    other = nibabel.Nifti1Image(np.zeros(image.shape, np.uint8), image.affine)
    nibabel.save(other, mask_of(begun))
    with pytest.raises(RaterProjectError, match="does not lie on its scan: "):
        use(begun)


def test_a_mask_with_values_above_255_is_refused(begun, crop_path):
    import nibabel

    image = nibabel.load(crop_path)
    data = np.zeros(image.shape, np.uint16)
    data[0, 0, 0] = 256
    nibabel.save(nibabel.Nifti1Image(data, image.affine), mask_of(begun))
    with pytest.raises(RaterProjectError, match="holds the value 256, and 255 is the greatest"):
        use(begun)


def test_a_refused_read_is_not_left_locked(begun):
    mask_of(begun).write_bytes(b"garbage")
    with pytest.raises(RaterProjectError):
        use(begun)
    assert not mask_of(begun).with_name("lock.json").exists()
