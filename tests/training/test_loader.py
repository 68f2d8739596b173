"""Shares of a step's batch."""

from napari_diffseg.training.loader import Share


def places(batch, parts, processes):
    return [
        [list(part) for part in Share(batch, parts, number, processes).places] for number in range(processes)
    ]


def test_processes_and_parts_divide_a_batch_without_rest_or_overlap():
    assert places(8, 2, 2) == [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]
    for batch, parts, processes in ((12, 3, 2), (7, 2, 1), (6, 4, 2), (4, 9, 1)):
        whole = [place for own in places(batch, parts, processes) for part in own for place in part]
        assert whole == list(range(batch))


def test_more_parts_than_items_are_single_items():
    assert places(3, 1024, 1) == [[[0], [1], [2]]]
