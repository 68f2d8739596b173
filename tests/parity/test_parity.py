"""The small oracles; `make parity` runs all of them."""

from pathlib import Path

import pytest
import table

DATA = Path(__file__).parent / "data"


@pytest.mark.parametrize("oracle", table.oracles(DATA), ids=lambda oracle: oracle.stem)
def test_numbers_of_the_official_code_are_met(oracle):
    found = list(table.cases()[oracle.name](oracle))
    assert found
    differing = [one for one in found if not one.holds]
    assert not differing
