"""The annotation files of LIDC-IDRI in tests/data."""

import json
from pathlib import Path

import pytest

from napari_diffseg.raters.lidc.xml import read_message

XML = Path(__file__).parents[2] / "data" / "lidc_xml"


@pytest.fixture(scope="session")
def xml():
    return XML


@pytest.fixture(scope="session")
def message():
    """The annotations in one of the files, for example message("185/074.xml")."""
    return lambda name: read_message(XML / name)


@pytest.fixture(scope="session")
def expected():
    return json.loads((XML / "expected_areas.json").read_text())
