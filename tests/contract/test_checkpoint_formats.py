"""What every checkpoint format does: a row of `table.FORMATS` is all that a new one adds here."""

import numpy as np
import pytest
import table

import tfbert
from tfbert.checkpoints import open_checkpoint
from tfbert.checkpoints.convert import convert
from tfbert.checkpoints.formats import all_formats, format_of, written_formats
from tfbert.errors import CheckpointError, ConfigError, DiskError

WRITTEN = [name for name, row in table.FORMATS.items() if row.is_written]


def test_the_table_has_every_format():
    assert {one.name for one in all_formats()} == set(table.FORMATS)
    assert set(written_formats()) == set(WRITTEN)


@pytest.mark.parametrize("form", WRITTEN)
def test_a_network_with_all_heads_comes_back(form, network, tiny_checkpoint, tmp_path):
    """To the last bit, in a folder that is told from the other formats', and with what is lost said."""
    source = network()
    notes = convert(source, form, tmp_path / "out")
    assert format_of(tmp_path / "out").name == form
    again = open_checkpoint(tmp_path / "out")
    for variable in set(source.shapes) & set(again.shapes):
        assert source.value(variable).tobytes() == again.value(variable).tobytes(), variable
    lost = {variable.split("/")[0] for variable in source.shapes if variable not in again.shapes}
    assert lost == set(table.FORMATS[form].lost)
    assert all(head in "".join(notes) for head in lost) and bool(notes) == bool(lost)
    assert list(again.tokenizer().vocabulary) == list(source.tokenizer().vocabulary)
    encoder = tfbert.Encoder.from_checkpoint(tmp_path / "out")
    ids = {"token_ids": np.array([[2, 7, 9, 3]], "int32")}
    convert(again, "hf", tmp_path / "back")
    back = tfbert.Encoder.from_checkpoint(tmp_path / "back")
    np.testing.assert_array_equal(encoder(ids)["pooled_output"], back(ids)["pooled_output"])
    classifier = tfbert.TextClassifier.from_checkpoint(tmp_path / "out")
    assert classifier.load_report.missing == ()
    assert classifier.task.labels == again.label_names() == ("LABEL_0", "LABEL_1", "LABEL_2")


@pytest.mark.parametrize("form", WRITTEN)
def test_only_a_folder_of_the_format_is_replaced(form, network, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DiskError, match=f"holds no {written_formats()[form].marker}"):
        convert(network(()), form, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    for _ in range(2):
        convert(network(()), form, tmp_path / "out")


@pytest.mark.parametrize("form", [name for name in table.FORMATS if name not in WRITTEN])
def test_a_format_that_is_only_read_is_not_written(form, network, tmp_path):
    with pytest.raises(ConfigError, match=f"there is no format '{form}'; the formats are"):
        convert(network(()), form, tmp_path / "out")


def test_a_folder_of_no_format_is_named(tmp_path):
    (tmp_path / "model.onnx").write_text("")
    with pytest.raises(CheckpointError, match="is no checkpoint that tfbert reads .*; it holds model.onnx"):
        open_checkpoint(tmp_path)
