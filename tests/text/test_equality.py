"""Ids, offsets and word ids equal those of Hugging Face's `tokenizers`, on real lines and on hard strings.

One difference is allowed: where accents are stripped, `tokenizers` also sorts adjacent combining marks that are no
accents (Hangul tone marks, musical stems: U+302E, U+302F, U+1D165 to U+1D172); this tokenizer takes them as they stand.
"""

import csv
import gzip
import io
import json
import random
import tarfile

import numpy as np
import pytest
from conftest import assert_equal
from hypothesis import given, settings
from hypothesis import strategies as st

HARD = [
    "",
    " ",
    "Hello, the unaffable film's PLAYING!",
    "Σίσυφος ὈΔΥΣΣΕΎΣ ΣΑΣ straße STRASSE İstanbul ıI ǅ ﬁ ª ² ½ … ＡＢ①㎏",
    "a\u200db\u00adc\x00d\u200ee\ufefff\x7fg\x1fh\x85i\x0bj",
    "a\ufffdb\ue000c\U000f0000d\u0378e\ufffff\U0010ffffg",
    "北京字abc字\u3000あア한국어𠀀𫠠𫤟\uf900\U0002f800",
    "e\u0301 é n\u0303 \u0301 a\u0327\u0301 \u1100\u1161 \u302a\u302e",
    "[MASK] x[SEP]y [CLS][PAD][UNK] [mask] [ MASK ] [[MASK]] [MASK [UNUSED] \x01MASK\x02 [MA\x01SK]",
    "\x01 \x02 \x03 \x01the\x02 \x01[MASK]\x02",
    "¿¡«»‘’“”–—•′§¶†‡ ⁊ ־׀ 。、「」 ฿₿€$+<=>^`|~ ≠ ≮ \u037e \u0387 \u1fef",
    "a\u00a0b\u2003c\u2028d\u1680e\u180ef\u205fg",
    "x" * 100,
    "x" * 101,
    "ก" * 100 + " " + "ก" * 101 + " " + "あ" * 100,
    "😀" * 100 + " " + "😀" * 101,
    "👩‍👩‍👧 🏳️‍🌈 🇩🇪 \u20e3 1\ufe0f\u20e3",
    "##s ## #s un##aff",
]
SETTINGS = [(True, None, True), (False, None, True), (True, False, True), (False, True, False)]
PARTS = [
    *"abcdefghmskMASKthe films Éé\u0308\u0301 [](){}'.,-!#$ \t\n\x00\x01\x02\u00ad\u200d字北京あ한국ก😀\ufffd\ue000½ﬁßİıΣς",
    *("[MASK]", "[SEP]", "[CLS]", "[UNK]", "[PAD]", "[mask]", "un", "able", "##s", "##", "\u3000", "\u2028", "\u3001"),
    *("x" * 99, "x" * 101, "é" * 51, "한" * 34, "字" * 101, "\u2e43", "\U0002b820", "\U00011660", "\u166d"),
]
SORTED_BY_NFD = [0x302E, 0x302F, *range(0x1D165, 0x1D173)]
TEXT = st.characters(exclude_categories=["Cs"], exclude_characters=map(chr, SORTED_BY_NFD))


@pytest.mark.parametrize("setting", SETTINGS)
def test_hard_strings(small_vocabulary, tokenizers_of, setting):
    assert_equal(tokenizers_of(small_vocabulary, *setting), HARD)


@pytest.mark.parametrize("setting", SETTINGS[:2])
@given(st.lists(st.text(TEXT, max_size=40), max_size=4))
@settings(max_examples=150, deadline=None)
def test_any_text(small_vocabulary, tokenizers_of, setting, texts):
    assert_equal(tokenizers_of(small_vocabulary, *setting), ["the", *texts])


@pytest.mark.parametrize("setting", SETTINGS)
def test_hard_parts_joined(small_vocabulary, tokenizers_of, setting):
    assert_equal(tokenizers_of(small_vocabulary, *setting), _joined_parts(5_000))


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS)
def test_fifty_thousand_hard_strings_a_setting(small_vocabulary, tokenizers_of, setting):
    assert_equal(tokenizers_of(small_vocabulary, *setting), _joined_parts(50_000, seed=1))


def _joined_parts(count, seed=0):
    source = random.Random(seed)
    return ["".join(source.choices(PARTS, k=source.randrange(14))) for _ in range(count)]


VOCABULARIES = [
    ("bert-base-uncased", (True, None, True)),
    ("bert-base-cased", (False, None, True)),
    ("bert-base-chinese", (False, None, True)),
    ("bert-base-chinese", (True, None, True)),
    ("bert-base-multilingual-cased", (False, None, True)),
    ("bert-base-multilingual-cased", (True, False, False)),
]


@pytest.mark.parametrize("setting", SETTINGS)
def test_all_code_points(small_vocabulary, tokenizers_of, setting):
    _assert_equal_on_all_code_points(tokenizers_of(small_vocabulary, *setting), step=4)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "setting"), VOCABULARIES)
def test_all_code_points_with_real_vocabularies(real_vocabulary, tokenizers_of, name, setting):
    _assert_equal_on_all_code_points(tokenizers_of(real_vocabulary(name), *setting))


def _assert_equal_on_all_code_points(pair, step=1):
    """Each alone and between letters; of planes 4 to 16, which hold nothing or one kind, every `step`th 64."""
    codes = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    blocks = [codes[i : i + 64] for i in range(0, len(codes), 64)]
    blocks = [block for i, block in enumerate(blocks) if block[0] < 0x40000 or i % step == 0]
    assert_equal(pair, ["".join(f"{chr(code)} a{chr(code)}b " for code in block) for block in blocks])


@pytest.mark.parametrize(("name", "setting"), VOCABULARIES)
def test_real_lines(data_dir, real_vocabulary, tokenizers_of, name, setting):
    lines = []
    for relative in (
        *(
            "pretrain/en_100_novels/Doyle_Hound_1902.txt.gz",
            "pretrain/zh_classics/红楼梦.txt.gz",
            "classification/mrpc",
        ),
        *("multilingual", "tokenizer"),
    ):
        found = sorted(data_dir(relative).rglob("*")) if data_dir(relative).is_dir() else [data_dir(relative)]
        lines += [line for path in found if path.is_file() for line in _lines(path)]
    assert_equal(tokenizers_of(real_vocabulary(name), *setting), random.Random(0).sample(lines, 6_000))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "setting"), VOCABULARIES)
def test_every_line_of_all_data(data_dir, real_vocabulary, tokenizers_of, name, setting):
    pair = tokenizers_of(real_vocabulary(name), *setting)
    count = 0
    for path in sorted(data_dir(".").rglob("*")):
        if path.is_file() and path.parts[-3] != "checkpoints" and path.name != "tokenizer.json.gz":
            lines = list(_lines(path))
            assert_equal(pair, lines)
            count += len(lines)
    assert count > 500_000


def _lines(path):
    """The lines of a file or archive, at most 100,000 characters of each; legacy encodings as they decode."""
    if path.name.endswith(".tar.gz"):
        with tarfile.open(path) as archive:
            contents = [archive.extractfile(member).read() for member in archive if member.isfile()]
    else:
        contents = [gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()]
    for content in contents:
        for line in content.decode("utf-8", "replace").split("\n"):
            yield line[:100_000]


TRUNCATIONS = ("longest_first", "only_first", "only_second")


@pytest.mark.parametrize("truncation", TRUNCATIONS)
@pytest.mark.parametrize(("name", "setting"), VOCABULARIES)
def test_real_pairs(data_dir, real_vocabulary, tokenizers_of, name, setting, truncation):
    ours, theirs = tokenizers_of(real_vocabulary(name), *setting)
    language = "zh" if name.endswith("chinese") else "en"
    rows = csv.reader(io.StringIO(data_dir(f"similarity/stsb_multi_mt/stsb-{language}-dev.csv").read_text("utf-8")))
    first, second = map(list, zip(*[row[:2] for row in rows], strict=True))
    # Long enough for the text that is kept, and mostly too short for both.
    kept = {"longest_first": [], "only_first": second, "only_second": first}[truncation]
    lengths = [len(encoding.ids) for encoding in theirs.encode_batch(kept)]
    rows = [i for i in range(len(first)) if not kept or lengths[i] < 20]
    first, second = [first[i] for i in rows], [second[i] for i in rows]
    theirs.enable_truncation(24, strategy=truncation)
    theirs.enable_padding(pad_id=theirs.token_to_id("[PAD]"))
    try:
        expected = theirs.encode_batch(list(zip(first, second, strict=True)))
    finally:
        theirs.no_truncation()
        theirs.no_padding()
    batch = ours(first, second, max_length=24, truncation=truncation, offsets=True)
    assert_same_batch(batch, expected)


def assert_same_batch(batch, encodings):
    batch = {name: value.numpy() for name, value in batch.items()}
    assert np.array_equal(batch["token_ids"], [encoding.ids for encoding in encodings])
    assert np.array_equal(batch["segment_ids"], [encoding.type_ids for encoding in encodings])
    assert np.array_equal(batch["padding_mask"], [encoding.attention_mask for encoding in encodings])
    assert np.array_equal(batch["character_offsets"], [encoding.offsets for encoding in encodings])
    word_ids = [[-1 if number is None else number for number in encoding.word_ids] for encoding in encodings]
    assert np.array_equal(batch["word_ids"], word_ids)


def test_invalid_utf8_is_read_as_python_replaces_it(data_dir, real_vocabulary, tokenizers_of):
    ours, theirs = tokenizers_of(real_vocabulary("bert-base-uncased"))
    source = random.Random(2)
    texts = [text.encode() for text in json.loads(data_dir("tokenizer/blns/blns.json").read_text("utf-8"))]
    broken = [text for text in texts if len(text) > 3] * 20
    for i, text in enumerate(broken):
        text = bytearray(text)
        for _ in range(source.randrange(1, 5)):
            at = source.randrange(len(text))
            text[at : at + source.randrange(2)] = bytes(source.choices(range(256), k=source.randrange(3)))
        broken[i] = bytes(text)
    got = ours.tokenize(broken, offsets=True)
    expected = theirs.encode_batch([text.decode("utf-8", "replace") for text in broken], add_special_tokens=False)
    ids, characters, in_bytes = (got[name].to_list() for name in ("token_ids", "character_offsets", "byte_offsets"))
    for i, encoding in enumerate(expected):
        assert ids[i] == encoding.ids, broken[i]
        assert characters[i] == [list(offset) for offset in encoding.offsets], broken[i]
        # Up to a place in the bytes there are as many characters as the place in characters says.
        for (start, end), (first, after) in zip(in_bytes[i], characters[i], strict=True):
            assert len(broken[i][:start].decode("utf-8", "replace")) == first
            assert len(broken[i][start:end].decode("utf-8", "replace")) == after - first


def test_tokens_are_the_text_that_their_offsets_name(data_dir, real_vocabulary, tokenizers_of):
    vocabulary = real_vocabulary("bert-base-uncased")
    ours, theirs = tokenizers_of(vocabulary)
    texts = [line for path in sorted(data_dir("tokenizer").rglob("*.gz")) for line in _lines(path)]
    texts = random.Random(3).sample(texts, 3_000)
    got = ours.tokenize(texts, offsets=True)
    checked = 0
    for text, ids, offsets in zip(texts, got["token_ids"].to_list(), got["byte_offsets"].to_list(), strict=True):
        for number, (start, end) in zip(ids, offsets, strict=True):
            assert end > start
            token = vocabulary.tokens[number].removeprefix("##")
            covered = text.encode()[start:end].decode("utf-8")
            normalized = theirs.normalizer.normalize_str(covered).replace(" ", "")
            if token == "[UNK]":
                continue
            # A piece of a character that normalization spells with several, as Hangul, covers all of it.
            assert token in normalized if len(normalized) > len(covered) else token == normalized, ascii(text)
            checked += 1
    assert checked > 30_000
