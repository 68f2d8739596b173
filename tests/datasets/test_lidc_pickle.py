"""LIDC as Knegt's pickle: written from the crops in tests/data, plain, and with pydicom's classes in it."""

import os
import pickle
import sys
from pathlib import Path
from types import ModuleType

import h5py
import numpy as np
import pytest

from napari_diffseg.datasets import lidc_pickle
from napari_diffseg.errors import DatasetError, GridMismatchError, ScanError

HDF5 = Path(__file__).parents[1] / "data" / "lidc" / "hdf5" / "data_lidc.hdf5"
FILE = "data_lidc.pickle"
UID = "1.3.6.1.4.1.14519.5.2.1.6279.6001.179049373636438705059720603192"


def entries():
    """Two crops in the form of Knegt's entries."""
    with h5py.File(HDF5) as file:
        images, labels = file["train/images"][:2], file["train/labels"][:2]
    return {
        f"179049373636438705059720603192_slice{row}": {
            "image": images[row] + 0.5,
            "masks": [labels[row, :, :, reader].copy() for reader in range(4)],
            "series_uid": UID,
            "pixel_spacing": [0.703125, 0.6875],
        }
        for row in range(2)
    }


def entry(**changes):
    """A file of one entry, some of it changed, or left out where None is given."""
    content = next(iter(entries().values())) | changes
    return {"a_slice0": {key: value for key, value in content.items() if value is not None}}


@pytest.fixture
def written(tmp_path):
    def write(content, protocol=3):
        (tmp_path / FILE).write_bytes(pickle.dumps(content, protocol))
        return tmp_path / FILE

    return write


@pytest.fixture
def pydicom(monkeypatch):
    """Classes that are pickled as pydicom 1 pickles its own; the modules are gone before anything is read."""

    class UID(str):
        pass

    class DSfloat(float):
        def __init__(self, value):
            self.original_string = str(value)

    class MultiValue:
        def __init__(self, values):
            self.type_constructor, self._list = DSfloat, [DSfloat(value) for value in values]

    for name, kind in {
        "pydicom.uid": UID,
        "pydicom.valuerep": DSfloat,
        "pydicom.multival": MultiValue,
    }.items():
        kind.__module__, kind.__qualname__ = name, kind.__name__
        module = ModuleType(name)
        setattr(module, kind.__name__, kind)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "pydicom", ModuleType("pydicom"))
    content = entry(series_uid=UID("1.3.6.1"), pixel_spacing=MultiValue(["0.5", "0.7"]))
    pickled = pickle.dumps(content, 3)
    monkeypatch.undo()
    return pickled


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_entries_are_read_as_python_would_unpickle_them(protocol, written):
    path = written(entries(), protocol)
    assert lidc_pickle.recognises(path)
    dataset = lidc_pickle.read(path)
    assert [case.name for case in dataset.cases] == list(entries())
    for case, known in zip(dataset.cases, entries().values(), strict=True):
        found = case.read()
        assert (case.patient, case.group) == (UID, None)
        np.testing.assert_array_equal(found.scan.data[0, 0], known["image"])
        for read, mask in zip(found.reads, known["masks"], strict=True):
            np.testing.assert_array_equal(read.data[0], mask)
        assert found.scan.grid.spacing_mm == (1, 0.703125, 0.6875)


def test_the_folder_of_the_pickle_will_do(written):
    folder = written(entries()).parent
    assert lidc_pickle.recognises(folder)
    assert len(lidc_pickle.read(folder).cases) == 2


def test_arrays_can_be_written_to_and_are_not_shared(written):
    (case,) = lidc_pickle.read(written(entry())).cases
    case.read().scan.data[:] = 7
    assert case.read().scan.data.max() <= 1


@pytest.mark.parametrize("protocol", [3, 5])
@pytest.mark.parametrize(
    "changed", [np.asfortranarray, lambda image: image.astype(">f4"), np.float16, lambda image: image[:, ::2]]
)
def test_arrays_of_other_orders_and_types_are_read(changed, protocol, written):
    image = next(iter(entries().values()))["image"]
    masks = [changed(np.zeros((128, 128), "u1")).astype("u1")] * 4
    (case,) = lidc_pickle.read(written(entry(image=changed(image), masks=masks), protocol)).cases
    np.testing.assert_array_equal(case.read().scan.data[0, 0], changed(image))


def test_classes_of_pydicom_are_words(pydicom, tmp_path, monkeypatch):
    (tmp_path / FILE).write_bytes(pydicom)
    for name in [name for name in sys.modules if name.partition(".")[0] == "pydicom"]:
        monkeypatch.delitem(sys.modules, name)
    assert b"pydicom.multival" in pydicom
    (case,) = lidc_pickle.read(tmp_path).cases
    assert case.patient == "1.3.6.1"
    assert case.read().scan.grid.spacing_mm == (1, 0.5, 0.7)
    assert "pydicom" not in sys.modules


@pytest.mark.parametrize(
    ("spacing", "expected"),
    [
        (None, (1, 1)),
        (0.7, (0.7, 0.7)),
        ((0.5, 0.6), (0.5, 0.6)),
        (np.float64(0.5), (0.5, 0.5)),
        (["0.5", "0.5"], (0.5, 0.5)),
    ],
)
def test_spacing_is_one_number_or_two_or_unknown(spacing, expected, written):
    (case,) = lidc_pickle.read(written(entry(pixel_spacing=spacing))).cases
    assert case.read().scan.grid.spacing_mm == (1, *expected)


@pytest.mark.parametrize("spacing", [0, -1.0, "thick", [0.5], [0.5] * 3, float("nan"), 10**400, {}, [[], []]])
def test_an_impossible_spacing_is_a_problem(spacing, written):
    dataset = lidc_pickle.read(written(entries() | entry(pixel_spacing=spacing)))
    (problem,) = dataset.problems
    assert problem.case == "a_slice0"
    assert "pixel_spacing" in problem.sentence
    assert len(dataset.cases) == 2


WRONG = {
    "no image": {"image": None},
    "no masks": {"masks": None},
    "three masks": {"masks": [np.zeros((128, 128), "u1")] * 3},
    "no series": {"series_uid": None},
    "a series without a name": {"series_uid": ""},
    "a series that is a number": {"series_uid": 7},
    "a volume": {"image": np.zeros((2, 128, 128))},
    "no pixels": {"image": np.zeros((0, 128))},
    "complex numbers": {"image": np.zeros((128, 128), complex)},
    "objects": {"image": np.full((4, 4), None)},
    "text": {"image": np.full((4, 4), "x")},
    "a list": {"image": [[0.0, 1.0]]},
}


@pytest.mark.parametrize("how", WRONG)
def test_an_entry_of_another_form_is_a_problem(how, written):
    (problem,) = lidc_pickle.read(written(entries() | entry(**WRONG[how]))).problems
    assert problem.case == "a_slice0"
    assert "\n" not in problem.sentence


@pytest.mark.parametrize(
    "key", [7, None, 10**5000, "x" * 300, "two\nlines", b"bytes"], ids=lambda key: type(key).__name__
)
def test_an_entry_without_a_plain_name_is_a_problem(key, written):
    (problem,) = lidc_pickle.read(written(entries() | {key: {}})).problems
    assert "no plain name" in problem.sentence
    assert len(problem.sentence) < 400


def test_a_mask_of_another_size_is_told_when_the_case_is_read(written):
    (case,) = lidc_pickle.read(written(entry(masks=[np.zeros((64, 128), "u1")] * 4))).cases
    with pytest.raises(GridMismatchError, match="does not lie on its image"):
        case.read()


def test_a_mask_of_other_numbers_is_told_when_the_case_is_read(written):
    (case,) = lidc_pickle.read(written(entry(masks=[np.full((128, 128), 0.3)] * 4))).cases
    with pytest.raises(ScanError, match="mask 0 of a_slice0 holds numbers of type float64"):
        case.read()


class Poison:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("where", ["series_uid", "image", "pixel_spacing", "masks"])
def test_a_poisoned_pickle_runs_nothing(where, protocol, written, tmp_path):
    path = written(entries() | entry(**{where: Poison(tmp_path / "made")}), protocol)
    if protocol > 2:
        with pytest.raises(DatasetError, match=r"asks for “.*mkdir”, which no pickle of LIDC crops needs"):
            lidc_pickle.read(path)
    else:  # NumPy's bytes are a call of a codec there
        with pytest.raises(DatasetError, match=r"asks for “_codecs\.encode”"):
            lidc_pickle.read(path)
    assert not (tmp_path / "made").exists()
    pickle.loads(path.read_bytes())
    assert (tmp_path / "made").exists()  # it would have


def test_a_poison_behind_numpy_s_own_names_is_refused(tmp_path):
    content = b"\x80\x02cnumpy\nload\n(X\x01\x00\x00\x00xtR."
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(DatasetError, match=r"asks for “numpy.load”"):
        lidc_pickle.read(tmp_path)


def test_a_listed_name_that_is_called_with_anything_is_only_a_record(tmp_path):
    content = b"\x80\x02}X\x01\x00\x00\x00acnumpy\ndtype\n(X\x04\x00\x00\x00O,i4tRs."
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(DatasetError, match="holds no crop with its 4 masks"):
        lidc_pickle.read(tmp_path)


def reshaped(shape, dtype="<f8", content=bytes(128 * 128 * 8)):
    """An array that is pickled with that state, true or not."""

    class Lie:
        def __reduce__(self):
            reconstruct, arguments, _ = np.zeros(1).__reduce__()
            return reconstruct, arguments, (1, shape, np.dtype(dtype), False, content)

    return Lie()


def from_buffer(shape, dtype="<f8", order="C", content=bytes(128 * 128 * 8)):
    """An array that is pickled as protocol 5 does it, with these arguments, true or not."""

    class Lie:
        def __reduce_ex__(self, protocol):
            make = np.zeros(1).__reduce_ex__(5)[0]
            return make, (bytearray(content), np.dtype(dtype), shape, order)

    return Lie()


@pytest.mark.parametrize(
    "lie",
    [
        from_buffer((2**20, 2**20)),
        from_buffer((128, 127)),
        from_buffer((-128, -128)),
        from_buffer((128, 128), "O"),
        from_buffer((128, 128), order="K"),
        from_buffer((128, 128), content=b""),
        reshaped((2**20, 2**20)),
        reshaped((128, 127)),
        reshaped((-128, -128)),
        reshaped((128.0, 128)),
        reshaped((128, 128), "<f4"),
        reshaped((128, 128), "O"),
        reshaped((10**5000, 1)),
        reshaped((128, 128), content="text"),
    ],
)
def test_an_array_that_claims_what_its_bytes_do_not_hold_is_a_problem(lie, written):
    (problem,) = lidc_pickle.read(written(entries() | entry(image=lie), 5)).problems
    assert "with arrays of two axes" in problem.sentence


def test_an_array_that_is_kept_beside_the_pickle_is_told(tmp_path):
    (tmp_path / FILE).write_bytes(pickle.dumps(entries(), 5, buffer_callback=[].append))
    with pytest.raises(
        DatasetError, match=r"data_lidc.pickle keeps its arrays in buffers beside it"
    ) as refused:
        lidc_pickle.read(tmp_path)
    assert "Write it again without a buffer_callback" in str(refused.value)


@pytest.mark.parametrize("protocol", [3, 5])
@pytest.mark.parametrize("kept", [0, 1, 100, 200_000, -1])
def test_a_pickle_cut_short_is_refused(kept, protocol, written):
    path = written(entries(), protocol)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DatasetError, match="damaged or cut short"):
        lidc_pickle.read(path)


@pytest.mark.parametrize("content", [[], "text", 7, None, [{"image": 1}]])
def test_a_pickle_of_something_else_is_refused(content, written):
    with pytest.raises(DatasetError, match="holds no dictionary of crops"):
        lidc_pickle.read(written(content))


def test_a_file_larger_than_the_memory_is_refused_unread(tmp_path):
    with (tmp_path / FILE).open("wb") as file:
        file.truncate(2**43)  # takes no room on disk
    with pytest.raises(
        DatasetError, match=r"needs 16384.0 GiB of memory while it is read and .* GiB is free"
    ):
        lidc_pickle.read(tmp_path)


def test_other_files_and_folders_are_not_recognised(tmp_path):
    (tmp_path / "other.pickle").touch()
    assert not lidc_pickle.recognises(tmp_path)
    assert not lidc_pickle.recognises(HDF5)
    assert lidc_pickle.recognises(tmp_path / "other.pickle")
