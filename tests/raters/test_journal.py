"""Everything that was recorded is there again, and what a disk damaged costs no more than itself."""

import threading

import numpy as np
import pytest

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters import journal as journals
from napari_diffseg.raters.boxes import changed_box
from napari_diffseg.raters.journal import Journal
from napari_diffseg.raters.journal_file import begin
from napari_diffseg.volume import Box

SHAPE = (12, 20, 16)


class Folder:
    """Where a journal and its mask lie; the mask as an array file."""

    def __init__(self, path):
        self.journal, self.mask = path / "journal.bin", path / "mask.npy"
        np.save(self.mask, np.zeros(SHAPE, np.uint8))
        begin(self.journal, SHAPE)

    def open(self):
        return Journal(self.journal, np.load(self.mask), lambda mask: np.save(self.mask, mask))


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def strokes(seed, count):
    """Masks after each of some strokes, fills and undos."""
    rng = np.random.default_rng(seed)
    states = [np.zeros(SHAPE, np.uint8)]
    for _ in range(count):
        state = states[-1].copy()
        if rng.random() < 0.2 and len(states) > 1:
            state = states[-2].copy()  # undo
        else:
            corner = rng.integers(0, SHAPE)
            d, h, w = (
                slice(at, at + int(size)) for at, size in zip(corner, rng.integers(1, 9, 3), strict=True)
            )
            state[d, h, w] = rng.integers(0, 4)
        states.append(state)
    return states[1:]


def drawn(folder, states):
    journal = folder.open()
    for state in states:
        journal.record(state)
    return journal


def test_every_stroke_is_there_the_next_time(folder):
    states = strokes(0, 30)
    drawn(folder, states)
    again = folder.open()
    assert np.array_equal(again.mask(), states[-1])
    assert again.note == ""


def test_a_journal_that_grows_is_begun_again_behind_a_new_mask(folder, monkeypatch):
    monkeypatch.setattr(journals, "_LARGEST", 600)
    states = strokes(1, 60)
    journal = drawn(folder, states)
    assert folder.journal.stat().st_size <= 600
    assert np.load(folder.mask).any()
    journal.save()
    assert np.array_equal(folder.open().mask(), states[-1])


def test_an_old_journal_behind_a_new_mask_changes_nothing(folder):
    states = strokes(2, 30)
    drawn(folder, states)
    np.save(folder.mask, states[-1])  # killed before the journal could begin again
    assert np.array_equal(folder.open().mask(), states[-1])


@pytest.mark.parametrize("cut", [1, 7, 50])
def test_a_torn_tail_is_left_out_with_a_note(folder, cut):
    states = strokes(3, 10)
    journal = folder.open()
    for state in states:
        before = folder.journal.stat().st_size
        if journal.record(state) is not None:
            whole = before
    content = folder.journal.read_bytes()
    folder.journal.write_bytes(content[: max(whole + 1, len(content) - cut)])
    again = folder.open()
    assert "left out" in again.note
    assert any(np.array_equal(state, again.mask()) for state in states[-4:-1])
    assert folder.open().note == ""  # said once
    assert np.array_equal(folder.open().mask(), again.mask())


def test_a_damaged_record_costs_itself_alone(folder):
    journal, empty = folder.open(), folder.journal.stat().st_size
    data = np.zeros(SHAPE, np.uint8)
    for d in range(4):
        data[d] = d + 1
        journal.record(data)
    content = bytearray(folder.journal.read_bytes())
    content[empty + 90] ^= 0xFF  # in the values of the first or the head of the second
    folder.journal.write_bytes(content)
    again = folder.open()
    assert "left out" in again.note
    lost = [d for d in range(4) if not (again.mask()[d] == d + 1).all()]
    assert len(lost) == 1


def test_no_damage_ever_raises_or_invents_a_voxel(folder):
    states = strokes(4, 12)
    drawn(folder, states)
    content, mask = folder.journal.read_bytes(), folder.mask.read_bytes()
    seen, refused = np.stack(states), 0
    rng = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(content)
        for _ in range(rng.integers(1, 4)):
            match rng.integers(3):
                case 0:
                    damaged[rng.integers(len(damaged))] = rng.integers(256)
                case 1:
                    del damaged[rng.integers(len(damaged)) :]
                case 2:
                    at = rng.integers(len(damaged))
                    damaged[at:at] = rng.bytes(9)
            if not damaged:
                break
        folder.journal.write_bytes(damaged)
        folder.mask.write_bytes(mask)
        try:
            found = folder.open().mask()
        except RaterProjectError:  # the header's format or shape was hit
            refused += 1
            continue
        assert ((found == 0) | (found == seen).any(axis=0)).all()
    assert refused < 20


def test_a_journal_of_a_newer_format_is_refused(folder):
    content = bytearray(folder.journal.read_bytes())
    content[8] = 2
    folder.journal.write_bytes(content)
    with pytest.raises(RaterProjectError, match=r"is of format 2, and this version reads up to 1\. Install"):
        folder.open()


def test_a_journal_of_another_scan_is_refused(folder):
    begin(folder.journal, (1, 2, 3))
    with pytest.raises(
        RaterProjectError, match="of a scan of 1 × 2 × 3 voxels, and this one has 12 × 20 × 16"
    ):
        folder.open()


def test_a_missing_journal_begins_anew_and_says_so(folder):
    folder.journal.unlink()
    journal = folder.open()
    assert "Look it over" in journal.note
    assert journal.record(np.ones(SHAPE, np.uint8)) == Box.whole(SHAPE)


def test_a_stroke_that_could_not_be_written_is_written_by_the_next_call(folder):
    journal, data = folder.open(), np.zeros(SHAPE, np.uint8)
    away = folder.journal.with_name("away")
    data[1, 2, 3] = 1
    folder.journal.rename(away)  # as when a shared drive is gone
    with pytest.raises(RaterProjectError, match="could not be saved"):
        journal.record(data)
    away.rename(folder.journal)
    data[4, 5, 6] = 1
    assert journal.record(data) == Box((1, 2, 3), (5, 6, 7))
    assert np.array_equal(folder.open().mask(), data)


def test_a_full_disk_leaves_the_journal_whole(folder):
    import resource

    journal, data = folder.open(), np.zeros(SHAPE, np.uint8)
    data[0] = 1
    journal.record(data)
    size, limits = folder.journal.stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)
    data[1] = np.random.default_rng(0).integers(0, 200, data[1].shape, dtype=np.uint8)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, limits[1]))
    try:
        with pytest.raises(RaterProjectError, match="could not be saved"):
            journal.record(data)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert folder.journal.stat().st_size == size
    journal.record(data)
    again = folder.open()
    assert np.array_equal(again.mask(), data)
    assert again.note == ""


def test_another_thread_may_draw_while_a_stroke_is_recorded(folder, monkeypatch):
    monkeypatch.setattr(journals, "_LARGEST", 5000)
    journal, data, ready = folder.open(), np.zeros(SHAPE, np.uint8), threading.Event()

    def paint():
        rng = np.random.default_rng(0)
        for _ in range(3000):
            data[tuple(rng.integers(0, SHAPE))] = rng.integers(0, 250)
        ready.set()

    painter = threading.Thread(target=paint)
    painter.start()
    while not ready.is_set():
        journal.record(data)
    painter.join()
    journal.record(data)
    assert np.array_equal(folder.open().mask(), data)


def test_the_changed_box_is_the_smallest_one():
    rng = np.random.default_rng(0)
    for _ in range(200):
        old = np.zeros(SHAPE, np.uint8)
        new = old.copy()
        spots = rng.integers(0, SHAPE, (rng.integers(0, 4), 3))
        new[tuple(spots.T)] = 1
        within = Box((2, 3, -5), (9, 99, 11))
        inside = [s for s in spots.tolist() if 2 <= s[0] < 9 and s[1] >= 3 and s[2] < 11]
        for box, expected in ((None, spots.tolist()), (within, inside)):
            found = changed_box(old, new, box)
            if not expected:
                assert found is None
                continue
            assert found.start == tuple(np.min(expected, axis=0).tolist())
            assert found.stop == tuple((np.max(expected, axis=0) + 1).tolist())
