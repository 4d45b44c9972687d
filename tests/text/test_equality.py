"""The ids equal those of Hugging Face's `tokenizers`, on real lines and on hard strings."""

import csv
import gzip
import io
import random
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from tfbert.text.normalizer import normalizer_buffer
from tfbert.text.wordpiece import WordPiece

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


def assert_equal(pair, texts):
    ours, theirs = pair
    ids = ours.tokenize(texts).to_list()
    expected = [encoding.ids for encoding in theirs.encode_batch(texts, add_special_tokens=False)]
    for text, got, want in zip(texts, ids, expected, strict=True):
        assert got == want, ascii(text)


@pytest.mark.parametrize("setting", SETTINGS)
def test_hard_strings(small_vocabulary, tokenizers_of, setting):
    assert_equal(tokenizers_of(small_vocabulary, *setting), HARD)


@pytest.mark.parametrize("setting", SETTINGS[:2])
@given(st.lists(st.text(max_size=40), max_size=4))
@settings(max_examples=150, deadline=None)
def test_any_text(small_vocabulary, tokenizers_of, setting, texts):
    assert_equal(tokenizers_of(small_vocabulary, *setting), ["the", *texts])


@given(st.lists(st.sampled_from([*HARD[2:11], "[MASK]", "[", "]", "\x01", "\x02", "UNK", "é", " ", "字"]), max_size=8))
@settings(max_examples=150, deadline=None)
def test_hard_parts_joined(small_vocabulary, tokenizers_of, parts):
    assert_equal(tokenizers_of(small_vocabulary), ["".join(parts)])


@pytest.mark.parametrize("setting", SETTINGS)
def test_words_of_all_code_points(small_vocabulary, setting):
    # Words, not ids: nearly all of these characters would be [UNK] in any vocabulary.
    lower_case, strip_accents, chinese = setting
    normalizer = BertNormalizer(True, chinese, strip_accents, lower_case)
    splitter = BertPreTokenizer()
    strip_accents = lower_case if strip_accents is None else strip_accents
    wordpiece = WordPiece(small_vocabulary, lower_case, strip_accents, chinese)
    codes = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    for start in range(0, len(codes), 1 << 16):
        chars = [chr(code) for code in codes[start : start + (1 << 16)]]
        if start >= 0x40000 and start % (1 << 18):
            chars = chars[::16]  # planes 4 to 16 hold nothing or one kind of character
        lines = ["".join(f"a{char}b " for char in chars[i : i + 64]) for i in range(0, len(chars), 64)]
        words = wordpiece.words(lines).to_list()
        for line, got in zip(lines, words, strict=True):
            expected = [word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(line))]
            assert [word.decode() for word in got] == expected, ascii(line)


def test_normalizer_is_built_once_per_setting():
    assert normalizer_buffer(True, True, True) is normalizer_buffer(True, True, True)
    assert normalizer_buffer(True, True, True) != normalizer_buffer(False, False, True)


VOCABULARIES = [
    ("bert-base-uncased", (True, None, True)),
    ("bert-base-cased", (False, None, True)),
    ("bert-base-chinese", (False, None, True)),
    ("bert-base-chinese", (True, None, True)),
    ("bert-base-multilingual-cased", (False, None, True)),
    ("bert-base-multilingual-cased", (True, False, False)),
]
FILES = [
    "pretrain/en_100_novels/Doyle_Hound_1902.txt.gz",
    "classification/mrpc",
    "pretrain/zh_classics/红楼梦.txt.gz",
    "multilingual/xnli_xtreme",
    "multilingual/pawsx_xtreme/dev-ja.tsv.gz",
    "multilingual/pawsx_xtreme/dev-ko.tsv.gz",
    "tokenizer/blns/blns.txt",
    "tokenizer/emoji/emoji-test.txt.gz",
]


@pytest.mark.parametrize(("name", "setting"), VOCABULARIES)
def test_real_lines(data_dir, real_vocabulary, tokenizers_of, name, setting):
    pair = tokenizers_of(real_vocabulary(data_dir(f"vocab/{name}/vocab.txt")), *setting)
    for relative in FILES:
        assert_equal(pair, _sample(data_dir(relative), 700))


def test_real_lines_in_388_languages(data_dir, real_vocabulary, tokenizers_of):
    vocabulary = real_vocabulary(data_dir("vocab/bert-base-multilingual-cased/vocab.txt"))
    lines = []
    with tarfile.open(data_dir("tokenizer/udhr/udhr2.tar.gz")) as archive:
        for member in archive:
            if member.isfile():
                lines += archive.extractfile(member).read().decode("utf-8", "replace").splitlines()[:40]
    assert_equal(tokenizers_of(vocabulary, False), lines)
    assert_equal(tokenizers_of(vocabulary, True), lines[::4])


def test_real_pairs(data_dir, real_vocabulary, tokenizers_of):
    ours, theirs = tokenizers_of(real_vocabulary(data_dir("vocab/bert-base-uncased/vocab.txt")))
    rows = csv.reader(io.StringIO(data_dir("similarity/stsb_multi_mt/stsb-en-dev.csv").read_text("utf-8")))
    first, second = zip(*[row[:2] for row in rows], strict=True)
    theirs.enable_truncation(24)
    theirs.enable_padding()
    batch = ours(list(first), list(second), max_length=24)
    expected = theirs.encode_batch(list(zip(first, second, strict=True)))
    theirs.no_truncation()
    theirs.no_padding()
    assert batch["token_ids"].numpy().tolist() == [encoding.ids for encoding in expected]
    assert batch["segment_ids"].numpy().tolist() == [encoding.type_ids for encoding in expected]
    assert batch["padding_mask"].numpy().tolist() == [encoding.attention_mask for encoding in expected]


def _sample(path, count):
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    lines = []
    for file in files:
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        lines += data.decode("utf-8", "replace").split("\n")
    return random.Random(0).sample(lines, min(count, len(lines)))
