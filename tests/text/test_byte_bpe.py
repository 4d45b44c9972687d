"""Byte-level BPE with a vocabulary that one can read: ids, places, words and texts."""

import random

import numpy as np
import pytest
import tensorflow as tf

from tfbert.errors import ConfigError, VocabularyError
from tfbert.text import AddedToken, SpecialTokens, Tokenizer, Vocabulary
from tfbert.text.algorithms.byte_bpe_model import dead_tokens, live_ranks
from tfbert.text.algorithms.byte_bpe_rules import ByteBpeRules
from tfbert.text.algorithms.byte_letters import LETTERS, bytes_of, letters_of
from tfbert.text.algorithms.byte_tokens import ByteTokens

MERGES = "i l|f il|fil m|Ġ film|film s|t h|th e|Ġ the|' s|Ġ Ġ|Ã ©"
PAIRS = [tuple(merge.split(" ")) for merge in MERGES.split("|")]
ENDS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
TOKENS = [*ENDS, *LETTERS.values(), *(first + second for first, second in PAIRS)]
VOCABULARY = Vocabulary(TOKENS, merges=PAIRS)
MASK = AddedToken("<mask>", special=True, lstrip=True)


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer(VOCABULARY, added_tokens=[MASK], rules=ByteBpeRules())


def tokens(tokenizer, text):
    return [TOKENS[number] for number in tokenizer.tokenize([text]).flat_values.numpy()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the film's", "the Ġfilm 's"),
        ("films  the", "films Ġ Ġthe"),
        (" films", "Ġ films"),  # the merge of Ġ and film comes first
        ("   the", "ĠĠ Ġthe"),
        ("the <mask> film", "the <mask> Ġfilm"),
        ("<s>é</s>", "<s> Ã© </s>"),
        ("\0\n", "Ā Ċ"),
        ("", ""),
    ],
)
def test_tokens(tokenizer, text, expected):
    expected = "Ġfilm s".split() if text == " films" else expected.split()
    assert tokens(tokenizer, text) == expected


def test_rows(tokenizer):
    batch = tokenizer(["the film", "é"], ["film", ""])
    names = [[TOKENS[number] for number in row] for row in batch["token_ids"].numpy()]
    assert names[0] == "<s> the Ġfilm </s> </s> film </s>".split()
    assert names[1] == "<s> Ã© </s> </s> </s> <pad> <pad>".split()
    assert not batch["segment_ids"].numpy().any()
    assert tokenizer.special_ids == (0, 2, 1) and tokenizer.mask_id == 4 and tokenizer.unused_tokens == []


def test_places(tokenizer):
    found = tokenizer.tokenize(["é film <mask>😀", "the\xff".encode("latin-1")], offsets=True)
    assert [TOKENS[number] for number in found["token_ids"][0].numpy()][:3] == ["Ã©", "Ġfilm", "<mask>"]
    # each byte of a character has all of it
    assert found["character_offsets"][0].numpy().tolist() == [[0, 1], [2, 6], [7, 13], *[[13, 14]] * 4]
    assert found["byte_offsets"][0].numpy().tolist() == [[0, 2], [3, 7], [8, 14], *[[14, 18]] * 4]
    assert found["word_ids"][0].numpy().tolist() == [0, 1, 2, 3, 3, 3, 3]
    assert found["byte_offsets"][1].numpy().tolist() == [[0, 3], *[[3, 4]] * 3]


def test_windows(tokenizer):
    found = tokenizer.windows(["the film the film the"], max_length=5, stride=1)
    assert found["rows"].numpy().tolist() == [0, 0]
    assert tokenizer.detokenize(found["token_ids"]).numpy().tolist() == [b"the film the", b" the film the"]


def test_words_and_texts(tokenizer):
    continues = dict(zip(TOKENS, tokenizer.continues_word, strict=True))
    assert (
        continues["films"] and continues["Ã"] and not any(continues[token] for token in ("Ġfilm", "Ċ", "<mask>", "Ġ"))
    )
    assert tokenizer.joined(["<s>", "the", "Ġfilm", "Ã", "©"]) == "<s>the filmé"
    assert tokenizer.joined(["Ã"]) == "\ufffd"
    ids = [[TOKENS.index(token) for token in "<s> the Ġfilm . Ã </s>".split()]]
    assert tokenizer.detokenize(ids).numpy()[0].decode() == "the film.\ufffd"


def test_in_a_dataset_and_a_graph(tokenizer):
    texts = ["the film", "<s> é", "a b c"]
    expected = tokenizer(texts)["token_ids"].numpy()
    dataset = tf.data.Dataset.from_tensors(texts).map(lambda text: tokenizer(text)["token_ids"])
    assert np.array_equal(next(iter(dataset)), expected)
    graph = tf.function(tokenizer, autograph=False)
    assert np.array_equal(graph(tf.constant(texts))["token_ids"], expected)


@pytest.mark.parametrize(
    "rules",
    [
        ByteBpeRules(),
        ByteBpeRules(add_prefix_space=True, trim_offsets=False),
        ByteBpeRules(trim_keeps_first_space=True, normalizer={"type": "NFC"}, has_unknown=True),
    ],
)
def test_config_and_folder_round_trip(rules, tmp_path):
    tokenizer = Tokenizer(VOCABULARY, max_length=77, added_tokens=[MASK, AddedToken("film", True)], rules=rules)
    tokenizer.save(tmp_path)
    for copy in (Tokenizer.from_config(tokenizer.get_config()), Tokenizer.from_folder(tmp_path)):
        assert copy.get_config() == tokenizer.get_config()
        assert copy.algorithm.rules == tokenizer.algorithm.rules
        assert tokens(copy, "the film") == tokens(tokenizer, "the film")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "merges.txt",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.json",
    ]
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "vocab.txt").write_text("of an earlier tokenizer")
    tokenizer.save(tmp_path)
    assert not (tmp_path / "vocab.txt").exists()
    assert tokenizer.lowered().rules.lowered() == tokenizer.lowered().rules
    assert tokens(tokenizer.lowered(), "THE FILM")[-2:] == tokens(tokenizer, "the FILM".lower())[-2:]


def test_wordpiece_takes_the_place_of_byte_bpe(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"])).save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tokenizer_config.json", "vocab.txt"]
    assert Tokenizer.from_folder(tmp_path).get_config()["lower_case"] is True


@pytest.mark.parametrize(
    ("vocabulary", "settings", "error", "message"),
    [
        (VOCABULARY, {"portable": True}, ConfigError, "LiteRT"),
        (Vocabulary(TOKENS, merges=[("x", "y")]), {}, VocabularyError, "merge 0 joins 'x' and 'y', .* lacks 'xy'"),
        (Vocabulary([*ENDS, *"abc"]), {}, VocabularyError, "lacks the letters of 240 bytes"),
        (VOCABULARY, {"special_tokens": SpecialTokens()}, VocabularyError, r"lacks \[UNK\].*name what it has for"),
    ],
)
def test_what_cannot_be(vocabulary, settings, error, message):
    with pytest.raises(error, match=message):
        Tokenizer(vocabulary, rules=ByteBpeRules(), **settings)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"normalizer": {"type": "Precompiled"}}, "the normalizer Precompiled"),
        ({"normalizer": {"type": "Strip"}}, "the normalizer Strip"),
        ({"add_prefix_space": "yes"}, "add_prefix_space must be true or false"),
    ],
)
def test_rules_that_cannot_be(rules, message):
    with pytest.raises(ConfigError, match=message):
        ByteBpeRules(**rules)


def test_letters():
    assert len(set(LETTERS.values())) == 256
    assert letters_of("é\n ".encode()) == "Ã©ĊĠ" and bytes_of("Ã©ĊĠ") == "é\n ".encode()
    assert bytes_of("a b") is None


def test_unknown_letters():
    tokenizer = Tokenizer(Vocabulary([*ENDS, *"abcĠ"]), rules=ByteBpeRules(has_unknown=True))
    assert tokenizer.tokenize(["ab éc"]).to_list() == [[5, 6, 8, 3, 3, 7]]


def naive(word, merges):
    """Byte-pair encoding as its paper has it."""
    ranks, parts = {pair: rank for rank, pair in enumerate(merges)}, list(word)
    while len(parts) > 1:
        rank, at = min((ranks.get(pair, len(merges)), i) for i, pair in enumerate(zip(parts, parts[1:], strict=False)))
        if rank == len(merges):
            break
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts


def test_any_merges():
    """Random merges, many of whose tokens nothing makes or two merges make: the model's are those of the paper."""
    dead = double = 0
    for seed in range(12):
        source = random.Random(seed)
        letters = "abcd"[: source.choice([2, 3, 4])]
        made, merges = list(letters), []
        while len(merges) < 60:
            pair = (source.choice(made), source.choice(made))
            if pair not in merges and len(pair[0] + pair[1]) <= 8:
                merges.append(pair)
                made += [] if pair[0] + pair[1] in made else [pair[0] + pair[1]]
            elif source.random() < 0.02:
                break
        source.shuffle(merges)
        vocabulary = Vocabulary([*LETTERS.values(), *made[len(letters) :]], merges=merges)
        dead += len(dead_tokens(vocabulary))
        double += len(merges) - len(live_ranks(merges)) - len(set(dead_tokens(vocabulary)))
        words = ["".join(source.choices(letters, k=source.randint(1, 24))) for _ in range(150)]
        made = ByteTokens(vocabulary, None, {})
        marked = tf.constant([b"\xff" + word.encode() for word in words])
        ids, splits, _ = made(marked, False)
        for i, word in enumerate(words):
            row = ids[splits[i] : splits[i + 1]].numpy()
            assert [vocabulary.tokens[number] for number in row] == naive(word, merges), (seed, word)
    assert dead > 20 and double > 2
