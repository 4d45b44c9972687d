"""The map of characters is the one that `tokenizers` applies, and the buffer of it what the op reads."""

import importlib.metadata

import numpy as np
import pytest
import tensorflow_text
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers.normalizers import BertNormalizer

from tfbert.text.algorithms import characters, make_characters
from tfbert.text.normalizer import normalizer_buffer

CODES = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]


def test_the_table_is_what_the_script_writes():
    head = make_characters.TABLE.read_text().splitlines()[1]
    tokenizers = importlib.metadata.version("tokenizers")
    unicodedata2 = pytest.importorskip("unicodedata2")
    if head != f"# tokenizers {tokenizers}; splits: Unicode {unicodedata2.unidata_version}":
        pytest.skip(f"{head}, which are not the ones installed; the equality tests tell whether that matters")
    assert make_characters.table() == make_characters.TABLE.read_text()


@pytest.mark.parametrize("rules", [(True, True, True), (False, False, True), (True, False, False), (False, True, True)])
def test_normalizer_of_all_code_points(rules):
    by_character = characters.bert_normalizer(*rules)
    theirs = BertNormalizer(True, rules[2], rules[1], rules[0])
    for start in range(0, len(CODES), 1 << 14):
        chars = [chr(code) for code in CODES[start : start + (1 << 14)]]
        text = "a".join(chars)  # apart, for NFD sorts adjacent marks
        if text.translate(by_character) != theirs.normalize_str(text):
            for char in chars:
                assert by_character.get(ord(char), char) == theirs.normalize_str(char), ascii(char)


@given(
    st.dictionaries(st.integers(0, 0x10FFFF).filter(lambda code: not 0xD800 <= code < 0xE000), st.text(max_size=9)),
    st.text(max_size=50),
)
@settings(max_examples=60, deadline=None)
def test_any_map_is_read_by_the_op_as_it_is_meant(by_character, text):
    text += "".join(map(chr, list(by_character)[:20]))
    normalizer = tensorflow_text.FastBertNormalizer(model_buffer=np.frombuffer(normalizer_buffer(by_character), "u1"))
    got, offsets = normalizer.normalize_with_offsets([text.encode("utf-8", "surrogatepass")])
    expected = [(at, by_character.get(ord(char), char)) for at, char in enumerate(text)]
    assert got.numpy()[0].decode() == "".join(part for _, part in expected)
    assert len(offsets.flat_values) == len(got.numpy()[0]) + 1


def test_malformed_bytes_are_deleted_or_made_the_default():
    broken = b"a\xff\xc3b\xe2\x82c\xf0\x9f\x98\xed\xa0\x80\xf4\x90d\x80"
    pieces = len(broken.decode("utf-8", "replace").replace("a", "").replace("b", "").replace("c", "").replace("d", ""))
    assert pieces > 5
    for default, expected in ((None, b"abcd"), ("-", b"-" * (4 + pieces))):
        buffer = np.frombuffer(normalizer_buffer({}, default=default), "u1")
        assert tensorflow_text.FastBertNormalizer(model_buffer=buffer).normalize([broken]).numpy()[0] == expected


def test_stand_ins_are_characters_that_bert_deletes():
    deleted = {code for code, text in characters.bert_normalizer(True, True, True).items() if text == ""}
    for chinese in (True, False):
        stand_ins = characters.stand_ins(chinese)
        assert len(set(stand_ins.values())) == len(stand_ins)
        assert {ord(char) for char in stand_ins.values()} <= deleted
