"""Which pixels an outline holds: the published counts, and Pick's theorem on outlines of any kind."""

from collections import defaultdict
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters.lidc.message import Roi
from napari_diffseg.raters.lidc.outline import fill, mask_of

SHAPE = (512, 512)
FILES = ["185/074.xml", "188/259.xml"]

pixels = st.tuples(st.integers(0, 12), st.integers(0, 12))
outlines = st.lists(pixels, min_size=1, max_size=14)


@st.composite
def simple_outlines(draw):
    """Two lines from left to right, one above the other, and the ends between them."""
    steps = draw(
        st.lists(st.tuples(st.integers(1, 3), st.integers(0, 8), st.integers(1, 8)), min_size=2, max_size=9)
    )
    x, lower, upper = 0, [], []
    for run, low, height in steps:
        x += run
        lower.append((x, low))
        upper.append((x, low + height))
    # slanted both ways, so that edges cross rows at fractions
    slant = draw(st.integers(0, 2))
    points = [*lower, *reversed(upper)]
    points = [(x, y + slant * x) for x, y in points]
    return [(y, x) for x, y in points] if draw(st.booleans()) else points


def roi(edge_map, inclusion=True):
    return Roi(0.0, "1.2.3", inclusion, tuple(edge_map))


def mask(*rois, shape=(64, 64)):
    return mask_of(rois, shape)


def strictly_inside(points, shape):
    """By the rule's own words, pixel by pixel, with fractions."""
    found = np.zeros(shape, dtype=bool)
    edges = [*pairwise(points), (points[-1], points[0])]
    for y, x in np.ndindex(shape):
        on_edge = any(
            (x1 - x0) * (y - y0) == (y1 - y0) * (x - x0)
            and min(x0, x1) <= x <= max(x0, x1)
            and min(y0, y1) <= y <= max(y0, y1)
            for (x0, y0), (x1, y1) in edges
        )
        crossings = sum(
            x0 + Fraction((y - y0) * (x1 - x0), y1 - y0) < x
            for (x0, y0), (x1, y1) in edges
            if min(y0, y1) <= y < max(y0, y1)
        )
        found[y, x] = crossings % 2 == 1 and not on_edge
    return found


def pick(points):
    """A − B / 2 + 1, doubled twice to stay whole."""
    edges = [*pairwise(points), (points[-1], points[0])]
    double_area = abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in edges))
    on_outline = sum(int(np.gcd(x1 - x0, y1 - y0)) for (x0, y0), (x1, y1) in edges)
    return (double_area - on_outline + 2) // 2


@pytest.mark.parametrize(("name", "outlined"), [(FILES[0], 16), (FILES[1], 10)])
def test_every_outline_has_the_expected_count(message, expected, name, outlined):
    seen = 0
    for session in expected[name]["sessions"]:
        nodules = {nodule.nodule_id: nodule for nodule in message(name).sessions[session["session"]].nodules}
        for nodule in session["nodules"]:
            for found, known in zip(nodules[nodule["id"]].rois, nodule["rois"], strict=True):
                if "interior_pixels" in known:  # not of a single point
                    filled = fill(found.edge_map)
                    assert filled.inside.sum() == known["interior_pixels"]
                    assert filled.on_outline.sum() == known["lattice_points_on_outline"]
                    assert (filled.inside | filled.on_outline).sum() == known["interior_plus_outline_pixels"]
                    seen += 1
    assert seen == outlined


@pytest.mark.parametrize("name", FILES)
def test_every_nodule_has_the_expected_voxels_on_each_slice(message, expected, name):
    for session in expected[name]["sessions"]:
        nodules = {nodule.nodule_id: nodule for nodule in message(name).sessions[session["session"]].nodules}
        for known in session["nodules"]:
            on_slice = defaultdict(list)
            for outline in nodules[known["id"]].rois:
                on_slice[outline.z_mm].append(outline)
            counts = {z: int(mask_of(rois, SHAPE).sum()) for z, rois in on_slice.items()}
            told = {float(z): count for z, count in known["pixels_by_z_exclusion_outline_removed"].items()}
            assert {z: n for z, n in counts.items() if n} == {z: n for z, n in told.items() if n}
            assert sum(counts.values()) == known["voxels_exclusion_outline_removed"]


def test_the_outline_that_is_not_closed_is_closed(message):
    (open_outline,) = [
        outline
        for nodule in message("185/178.xml").sessions[3].nodules
        for outline in nodule.rois
        if outline.z_mm == -97.5
    ]
    points = open_outline.edge_map
    assert (points[0], points[-1]) == ((339, 337), (338, 337))
    assert np.array_equal(mask(roi(points), shape=SHAPE), mask(roi([*points, points[0]]), shape=SHAPE))


@given(simple_outlines())
def test_a_simple_outline_holds_what_pick_says(points):
    assert fill(points).inside.sum() == pick(points)


@given(outlines)
def test_any_outline_holds_the_middles_strictly_inside(points):
    assert np.array_equal(mask(roi(points), shape=(13, 13)), strictly_inside(points, (13, 13)))


@given(outlines, st.integers(0, 13), st.booleans())
def test_where_an_outline_starts_and_which_way_it_runs_does_not_matter(points, start, backwards):
    turned = points[start % len(points) :] + points[: start % len(points)]
    assert np.array_equal(mask(roi(points)), mask(roi(turned[::-1] if backwards else turned)))


@given(st.lists(st.tuples(outlines, st.booleans()), min_size=1, max_size=5), st.randoms())
def test_the_order_of_outlines_does_not_matter(drawn, random):
    rois = [roi(points, included) for points, included in drawn]
    before = mask(*rois)
    random.shuffle(rois)
    assert np.array_equal(mask(*rois), before)


def test_an_exclusion_goes_with_its_outline():
    square = [(2, 2), (12, 2), (12, 12), (2, 12)]
    hole = [(5, 5), (8, 5), (8, 8), (5, 8)]
    assert mask(roi(square)).sum() == 9 * 9
    assert mask(roi(hole, inclusion=False), roi(square)).sum() == 9 * 9 - 4 * 4


def test_an_outline_that_touches_itself_counts_by_even_and_odd():
    eight = [(0, 0), (4, 4), (8, 0), (8, 8), (4, 4), (0, 8)]
    twice = [(0, 0), (6, 0), (6, 6), (0, 6)] * 2
    assert mask(roi(eight)).sum() == strictly_inside(eight, (16, 16)).sum() == 18
    assert mask(roi(twice)).sum() == 0


def test_a_point_and_a_line_hold_nothing():
    assert not mask(roi([(3, 4)])).any()
    assert not mask(roi([(3, 4), (9, 7)])).any()


def test_an_outline_beyond_the_slice_is_refused():
    with pytest.raises(
        RaterProjectError, match="reaches column 9 and row 3 of a slice that has 8 × 16 pixels"
    ):
        mask(roi([(0, 0), (9, 0), (9, 3)]), shape=(16, 8))
