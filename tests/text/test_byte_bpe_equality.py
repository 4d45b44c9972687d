"""Byte-level BPE: ids, offsets and word ids equal those of `tokenizers`."""

import gzip
import json
import random

import byte_bpe_kinds
import numpy as np
import pytest
import tokenizers
from conftest import assert_equal
from hypothesis import given, settings
from hypothesis import strategies as st
from test_equality import HARD
from tokenizers import AddedToken, pre_tokenizers

from tfbert.text import Tokenizer

PARTS = [
    *"abcsdtreSlvm123é\u0301\u0308ä字あ한😀\u200d\u0e01½²Ⅷ'’-.,!?#$_ \t\n\r\v\f\x00\x1c\x85\u00a0\u2003\u2028\u3000\ufeff\ufffd\u180e",
    *(
        "<s>",
        "</s>",
        "<pad>",
        "<unk>",
        "<mask>",
        "<mas",
        "<|endoftext|>",
        "film",
        "é!",
        "'s",
        "'ll",
        "'RE",
        "  ",
        "   ",
    ),
    *(
        "|||IP|||",
        "[unused0]",
        "e\u0301\u00e9",
        "\u00e9e\u0301",
        "\u212b",
        "\u1e9b\u0323",
        " " * 30,
        "the",
        " films",
        "x" * 40,
    ),
]
MORE = [
    *(" ", "  ", "a", " a", "a ", " a ", "\n", "a\n", "a\n\n b", "a  b", "a   b ", "\u00a0 a", "a\u3000\u3000b"),
    *("<mask>", " <mask> ", "a  <mask>  b", "<mask><mask>", "<s></s>", "a<s> b</s> ", " é!  film x", "film  <mask> "),
    *("I'm we'll they're 'tis 's s's", "''s' '", "x'S", "don\u2019t", "3.14 ½ Ⅷ x²"),
    *(
        "e\u0301<mask>",
        "\u0301",
        "\u0958 \u0344 \uac00\u11a8 \u1100\u1161\u11a8",
        "a\u0323\u0302\u0301b q\u0307\u0323z",
        "\u01ce\u0344 x\u0f73 \u0439\u0344b \u01e0\u0344d=\u0344y a\u0f81 e\u0344",
    ),
]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return {kind: byte_bpe_kinds.pair(kind, tmp_path_factory.mktemp(kind)) for kind in byte_bpe_kinds.KINDS}


def joined_parts(count, seed=0):
    source = random.Random(seed)
    return ["".join(source.choices(PARTS, k=source.randrange(12))) for _ in range(count)]


@pytest.mark.parametrize("kind", byte_bpe_kinds.KINDS)
def test_hard_strings(pairs, kind):
    assert_equal(pairs[kind], [*HARD, *MORE])
    for text in MORE:  # by itself: a batch of others takes the long way
        assert_equal(pairs[kind], [text])


@pytest.mark.parametrize("kind", byte_bpe_kinds.KINDS)
def test_hard_parts_joined(pairs, kind):
    assert_equal(pairs[kind], joined_parts(2_000))


@pytest.mark.parametrize("prefix", [False, True])
@pytest.mark.parametrize(
    ("lengths", "others"),
    [
        ((2, 3, 4), []),
        ((2, 3, 4), [AddedToken("b ", normalized=True), AddedToken("a  b", normalized=True)]),
        ((2, 3, 4), [AddedToken(" b", normalized=True)]),
        ((2, 3), [AddedToken("b", normalized=True, lstrip=True)]),
        ((2, 4), []),
        ((1, 2, 3), []),
    ],
)
def test_tokens_of_spaces(lengths, others, prefix, tmp_path):
    theirs = byte_bpe_kinds.made("bare")
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    theirs.add_tokens([*(AddedToken(" " * length, normalized=True) for length in lengths), *others])
    theirs.save(str(tmp_path / "tokenizer.json"))
    source = random.Random(0)
    parts = [" ", "  ", "   ", " " * 7, "\t", "\n", "\u3000", *"abcé.", "film", " the", "<|endoftext|>"]
    texts = ["".join(source.choices(parts, k=source.randrange(8))) for _ in range(1_000)]
    assert_equal((Tokenizer.from_folder(tmp_path), theirs), texts)


@pytest.mark.slow
@pytest.mark.parametrize("kind", byte_bpe_kinds.KINDS)
def test_thirty_thousand_hard_strings_a_kind(pairs, kind):
    assert_equal(pairs[kind], joined_parts(30_000, seed=1))


@pytest.mark.parametrize("kind", ["two_separators", "prefixed"])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), max_size=4))
@settings(max_examples=100, deadline=None)
def test_any_text(pairs, kind, texts):
    assert_equal(pairs[kind], ["the", *texts])


def test_malformed_utf_8(pairs):
    source = random.Random(0)
    choice = [*b"ab 'st.\xe2\x80\x9c\xf0\x9f\x98\x80\xed\xa0\x80\xf4\x90\n\x00\xc0\xfe\xff\xfd", b"<mask>", b"\xe2\x80"]
    texts = [
        b"".join(
            bytes([part]) if isinstance(part, int) else part for part in source.choices(choice, k=source.randrange(9))
        )
        for _ in range(800)
    ]
    ours, theirs = pairs["two_separators"]
    got = ours.tokenize(texts, offsets=True)
    for i, encoding in enumerate(
        theirs.encode_batch([text.decode("utf-8", "replace") for text in texts], add_special_tokens=False)
    ):
        assert got["token_ids"][i].numpy().tolist() == encoding.ids, texts[i]
        assert got["character_offsets"][i].numpy().tolist() == [list(offset) for offset in encoding.offsets], texts[i]


def codes(step):
    found = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    return [code for code in found if code < 0x32000 or code % step == 0]


@pytest.mark.parametrize(
    "kind", ["two_separators", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("prefixed", "nfc"))]
)
def test_code_points(pairs, kind):
    every = [chr(code) for code in codes(step=61)]
    in_context = [
        "".join(f"a{char}b 1{char}!{char}  {char}x'{char} " for char in every[i : i + 16])
        for i in range(0, len(every), 16)
    ]
    assert_equal(pairs[kind], in_context)


@pytest.fixture(scope="module")
def real(data_dir, tmp_path_factory):
    """real(name) -> (tfbert's Tokenizer, the reference) of a published vocabulary."""
    made = {}

    def make(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            if name == "gpt2":
                vocab = json.loads(data_dir("vocab/gpt2/vocab.json").read_text("utf-8"))
                lines = data_dir("vocab/gpt2/merges.txt").read_text("utf-8").split("\n")[1:]
                names = {token: len(vocab) + i for i, token in enumerate(byte_bpe_kinds.ENDS)}
                merges = [tuple(line.split(" ")) for line in lines if line]
                theirs = byte_bpe_kinds.made("two_separators", {**vocab, **names}, merges)
            else:
                theirs = tokenizers.Tokenizer.from_file(str(data_dir(f"vocab/{name}/tokenizer.json")))
            theirs.save(str(folder / "tokenizer.json"))
            made[name] = Tokenizer.from_folder(folder), theirs
        return made[name]

    return make


def real_lines(data_dir, count=None):
    lines = []
    for path in sorted(data_dir("tokenizer").rglob("*")):
        if path.is_file() and path.suffix in (".txt", ".tsv", ".json", ".gz", ""):
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            lines += data.decode("utf-8", "replace").split("\n")
    return lines if count is None else random.Random(0).sample(lines, min(count, len(lines)))


@pytest.mark.parametrize("name", ["gpt2", "gpt-neox-20b"])
def test_real_vocabularies(data_dir, real, name):
    assert_equal(real(name), [*HARD, *MORE, *joined_parts(500), *real_lines(data_dir, 2_000)])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpt2", "gpt-neox-20b"])
def test_all_code_points_alone_and_in_context(real, name):
    every = [chr(code) for code in codes(step=1)]
    ours, theirs = real(name)
    for start in range(0, len(every), 50_000):
        alone = every[start : start + 50_000]
        wanted = [encoding.ids for encoding in theirs.encode_batch_fast(alone, add_special_tokens=False)]
        assert ours.tokenize(alone).to_list() == wanted
        in_context = [
            "".join(f"a{char}b 1{char}!{char}  {char}x'{char} " for char in alone[i : i + 16])
            for i in range(0, len(alone), 16)
        ]
        wanted = [encoding.ids for encoding in theirs.encode_batch_fast(in_context, add_special_tokens=False)]
        assert ours.tokenize(in_context).to_list() == wanted


def test_pairs_truncation_and_padding(pairs):
    ours, theirs = pairs["two_separators"]
    first, second = ["the films were played", "a", ""], ["in 1984 and 1985 <mask> !", "", "b c"]
    theirs.enable_truncation(12)
    theirs.enable_padding(pad_id=theirs.token_to_id("<pad>"))
    encodings = theirs.encode_batch(list(zip(first, second, strict=True)))
    got = ours(first, second, max_length=12)
    assert got["token_ids"].numpy().tolist() == [encoding.ids for encoding in encodings]
    assert got["padding_mask"].numpy().tolist() == [encoding.attention_mask for encoding in encodings]
    assert not got["segment_ids"].numpy().any()
    theirs.no_truncation()
    theirs.no_padding()


@pytest.mark.parametrize("kind", ["prefixed", "two_separators", "nfc"])
def test_words(pairs, kind):
    ours, theirs = pairs[kind]
    rows = [["Hello", "world's", " x", "", "<mask>", "é"], [], ["a b", "\n"]]
    got = ours(rows, offsets=True, is_split_into_words=True)
    for i, row in enumerate(rows):
        encoding = theirs.encode(row, is_pretokenized=True)
        length = len(encoding.ids)
        assert got["token_ids"][i, :length].numpy().tolist() == encoding.ids
        words = [-1 if number is None else number for number in encoding.word_ids]
        assert got["word_ids"][i, :length].numpy().tolist() == words
        assert got["character_offsets"][i, :length].numpy().tolist() == [list(offset) for offset in encoding.offsets]


@pytest.mark.parametrize("kind", byte_bpe_kinds.KINDS)
def test_detokenize(pairs, kind):
    ours, theirs = pairs[kind]
    texts = [*HARD, *MORE, "the 😀 film"]
    ids = ours.tokenize(texts)
    cut = ids[:, ::2]  # characters in pieces
    for each in (ids, cut):
        for skip in (True, False):
            wanted = theirs.decode_batch(each.to_list(), skip_special_tokens=skip)
            assert [text.decode() for text in ours.detokenize(each, skip_special_tokens=skip).numpy()] == wanted
    assert np.array_equal(ours.detokenize(ids).numpy(), ours.detokenize(ids, clean_up=False).numpy())
