"""Messages of errors that show what a file holds."""

import pytest

from tfbert.errors import DataError, RowError, TfbertError


def test_a_long_message_is_cut_in_its_middle():
    text = str(DataError("rows.tsv: " + "x" * 1_000_000 + " is no label"))
    assert text.startswith("rows.tsv: xxx") and text.endswith("xxx is no label") and len(text) < 4100
    assert "… (996,022 characters more) …" in text
    assert str(DataError("x" * 4000)) == "x" * 4000


def test_a_message_can_be_written():
    error = RowError("rows.jsonl, line 1: \ud800 is no label", "a label", 0)
    assert str(error) == "rows.jsonl, line 1: \\ud800 is no label" and error.row == 0
    assert str(error).encode()


def test_errors_are_made_as_before():
    assert str(TfbertError()) == "" and TfbertError("a", 1).args == ("a", 1)
    with pytest.raises(ValueError, match="^7$"):
        raise TfbertError(7)
