import json
from pathlib import Path

import pytest

from gpgmail.core.codes import ALIASES, ErrorCode, Family

SURFACE = json.loads((Path(__file__).parents[1] / "data/surface.json").read_text())
LISTED = [
    (family.removesuffix(" Errors"), int(number), row.get("same_as", "").removesuffix(" Errors"))
    for family, rows in SURFACE["errors"].items()
    for number, row in rows.items()
]


@pytest.mark.parametrize(("family", "number", "same_as"), LISTED)
def test_every_listed_number_has_a_row(family, number, same_as):
    row = ErrorCode.find(family, number)
    assert row.number == number
    assert row.family == (same_as or family)


def test_there_are_no_numbers_beside_the_listed_ones_and_ours():
    ours = {(str(row.family), row.number) for row in ErrorCode if row.family is not Family.GPGMAIL}
    own_names = {(family, number) for family, number, same_as in LISTED if not same_as}
    assert ours == own_names
    assert len(ours) == 133
    assert set(ALIASES) == {(family, number) for family, number, same_as in LISTED if same_as}
    assert len(ALIASES) == 21


def test_a_number_stands_once_in_its_family():
    numbers = [(row.family, row.number) for row in ErrorCode]
    assert len(numbers) == len(set(numbers)) == len(ErrorCode.__members__)


def test_every_text_is_ours_and_short():
    for row in ErrorCode:
        assert row.text
        assert len(row.text) < 70
        assert not row.text.endswith(".")


@pytest.mark.parametrize(("family", "number"), [("SSLClient", 303), ("SMTP", 999), ("Nope", 1)])
def test_an_unknown_number_is_a_key_error(family, number):
    with pytest.raises(KeyError):
        ErrorCode.find(family, number)
