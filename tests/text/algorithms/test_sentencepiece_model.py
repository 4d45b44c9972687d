"""SentencePiece's .model files: written and read again, and refused by name where they are damaged."""

import dataclasses
import struct

import pytest

from tfbert.errors import VocabularyError
from tfbert.text.algorithms import sentencepiece_model as sp
from tfbert.text.algorithms.sentencepiece_model import Piece, SentencePieceModel

PIECES = (
    Piece(b"<unk>", 0.0, sp.UNKNOWN),
    Piece(b"<s>", 0.0, sp.CONTROL),
    Piece(b"&&", -2.5, sp.USER_DEFINED),
    Piece("▁é".encode(), -0.5),
    Piece(("x" * 300).encode(), -3.0, sp.UNUSED),
    Piece(b"<0x41>", 0.0, sp.BYTE),
)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"kind": "bpe", "bos_id": 1, "charsmap": bytes(range(256)) * 3},
        {"add_dummy_prefix": False, "remove_extra_whitespaces": False, "escape_whitespaces": False},
        {"treat_whitespace_as_suffix": True, "byte_fallback": True, "eos_id": 1, "pad_id": 5},
    ],
)
def test_what_is_written_is_read(changes):
    model = SentencePieceModel(PIECES, **changes)
    assert sp.read(sp.write(model), "x.model") == model


def test_defaults_of_the_message_are_the_library_s():
    def data(field, content):
        return bytes([field << 3 | 2, len(content)]) + content

    unknown = data(1, data(1, b"<unk>") + b"\x18\x02")
    model = sp.read(unknown + data(1, data(1, b"a")) + data(1, data(1, b"b") + b"\x15" + struct.pack("<f", -1)), "m")
    pieces = (Piece(b"<unk>", 0.0, sp.UNKNOWN), Piece(b"a"), Piece(b"b", -1.0))
    assert model == SentencePieceModel(pieces, bos_id=1, eos_id=2)
    assert model.add_dummy_prefix and model.remove_extra_whitespaces and model.escape_whitespaces


def test_a_file_cut_off_anywhere_is_refused_or_lacks_its_end():
    data = sp.write(SentencePieceModel(PIECES, "bpe", b"map" * 50))
    refused = 0
    for size in range(len(data)):
        try:
            model = sp.read(data[:size], "cut.model")
        except VocabularyError as error:
            assert "cut.model" in str(error)
            refused += 1
        else:  # between two messages, where no reader can tell
            assert len(model.pieces) <= len(PIECES)
    assert refused >= len(data) - len(PIECES) - 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "x.model is no SentencePiece model: it has no pieces"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            "x.model is damaged, or no SentencePiece model",
        ),
        (b'{"version": "1.0", "model": {}}', "no SentencePiece model: field 15 has the wire type 3, at byte 0"),
        (b"\x0a\xff\xff\xff\xff\x0f", "the file ends within a field, at byte 6 of 6"),
        (b"\x0a" + b"\xff" * 20, "a number of over ten bytes, at byte 11"),
        (b"\x08\x05", "field 1 is 5, no message, at byte 1"),
        (b"\x0a\x02\x18\x01", "piece 0 has no text, or NUL in it, at byte 2"),
        (b"\x0a\x03\x0a\x01\xff", "piece 0 is not UTF-8, at byte 2"),
        (b"\x0a\x05\x0a\x01a\x18\x09", "piece 0 has the kind 9"),
        (b"\x0a\x08\x0a\x01a\x15" + struct.pack("<f", float("nan")), "piece 0 has the score nan"),
        (b"\x0a\x03\x0a\x01a", "x.model has 0 unknown pieces; a SentencePiece model has one"),
        (b"\x0a\x05\x0a\x01a\x18\x02" * 2, "x.model has 2 unknown pieces"),
        (b"\x0a\x05\x0a\x01a\x18\x02\x12\x02\x18\x03", "of type 3; tfbert has unigram, bpe, characters"),
        (b"\x0a\x05\x0a\x01a\x18\x02\x12\x03\xc2\x02\x00", "field 40 of its trainer is no number"),
        (b"\x00\x00", "there is no field 0, at byte 0"),
    ],
)
def test_a_foreign_file_is_named_with_its_byte(data, message):
    with pytest.raises(VocabularyError) as raised:
        sp.read(data, "x.model")
    assert message in str(raised.value)


def test_a_length_beyond_the_file_takes_no_memory():
    with pytest.raises(VocabularyError, match="within a field"):
        sp.read(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "x.model")


def test_sizes_have_bounds(monkeypatch):
    data = sp.write(SentencePieceModel(PIECES))
    monkeypatch.setattr(sp, "MOST_PIECES", 3)
    with pytest.raises(VocabularyError, match=r"x\.model: over 3 pieces, at byte"):
        sp.read(data, "x.model")
    monkeypatch.setattr(sp, "_MOST_BYTES", 20)
    with pytest.raises(VocabularyError, match=r"x\.model has \d+ bytes; a SentencePiece model has 20 at most"):
        sp.read(data, "x.model")


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_the_library_reads_what_is_written(kind):
    import sentencepiece

    model = SentencePieceModel(PIECES[:-1], kind, bos_id=1)
    processor = sentencepiece.SentencePieceProcessor(model_proto=sp.write(model))
    assert [processor.id_to_piece(i) for i in range(processor.get_piece_size())] == [
        "<unk>",
        "<s>",
        "&&",
        "▁é",
        "x" * 300,
    ]
    assert processor.encode("é &&x") == [3, 0, 2, 0]
    assert processor.bos_id() == 1 and processor.eos_id() == -1
    assert dataclasses.replace(sp.read(processor.serialized_model_proto(), "x"), eos_id=-1) == model


@pytest.mark.parametrize("name", ["albert-30k/spiece.model", "fairseq-unigram-32k/sentencepiece.bpe.model"])
def test_real_models_are_read_and_written(data_dir, name):
    import sentencepiece

    path = data_dir(f"vocab/{name}")
    model = sp.read(path.read_bytes(), path)
    theirs, again = sentencepiece.SentencePieceProcessor(str(path)), sentencepiece.SentencePieceProcessor()
    again.load_from_serialized_proto(sp.write(model))
    for processor in (theirs, again):
        found = [(processor.id_to_piece(i), processor.get_score(i)) for i in range(processor.get_piece_size())]
        assert found == [(piece.text.decode(), piece.score) for piece in model.pieces]
    assert model.charsmap and model.kind == "unigram"
    texts = ["Ｃafé ½ ﬁne", "  two  spaces ", "\t", ""]
    assert theirs.encode(texts) == again.encode(texts)
