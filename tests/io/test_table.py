"""Tables that a spreadsheet opens and does not run."""

import csv
import math

import pytest

from napari_diffseg.errors import ResultError
from napari_diffseg.io.table import write_table


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_cells_come_back_with_all_their_digits(tmp_path):
    path = tmp_path / "table.csv"
    write_table(
        path,
        ("name", "share", "count", "yes"),
        [("Anna, B. “x”\nY", 0.1 + 0.2, -3, True), ("", math.nan, 0, None)],
    )
    assert read(path) == [
        ["name", "share", "count", "yes"],
        ["Anna, B. “x”\nY", repr(0.1 + 0.2), "-3", "1"],
        ["", "", "0", ""],
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")'])
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(tmp_path, text):
    write_table(tmp_path / "table.csv", (text,), [(text,)])
    assert read(tmp_path / "table.csv") == [["'" + text]] * 2


def test_a_negative_number_is_a_number(tmp_path):
    write_table(tmp_path / "table.csv", ("ml",), [(-0.5,), (-2,)])
    assert read(tmp_path / "table.csv")[1:] == [["-0.5"], ["-2"]]


def test_an_old_table_stays_when_a_row_fails(tmp_path):
    path = tmp_path / "table.csv"
    write_table(path, ("a",), [(1,)])

    def rows():
        yield (2,)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_table(path, ("a",), rows())
    assert read(path) == [["a"], ["1"]]
    assert [found.name for found in tmp_path.iterdir()] == ["table.csv"]


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ResultError, match=r"table\.csv could not be written"):
        write_table(tmp_path / "nowhere" / "table.csv", ("a",), [])
