"""Templates: which special tokens stand around texts, and of which text a token is, as `tokenizers` says it."""

import json

import numpy as np
import pytest
from test_packing import LENGTHS
from test_windows import QUESTIONS, TEXTS, assert_best_contexts, overflowing
from tokenizers import processors

from tfbert.errors import VocabularyError
from tfbert.text import Tokenizer, Vocabulary
from tfbert.text.template import Template


@pytest.fixture(scope="module")
def roberta(small_vocabulary, reference_of):
    """RoBERTa's <s> A </s> and <s> A </s></s> B </s> by BERT's names, without segments: (Tokenizer, the reference)."""
    theirs = reference_of(small_vocabulary)
    theirs.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] [SEP] $B:0 [SEP]",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    template = Template(before=(2,), between=(3, 3), after=(3,), second_segment=0)
    return Tokenizer(small_vocabulary, template=template), theirs


@pytest.fixture(params=["bert", "roberta"])
def both(request, small_vocabulary, tokenizers_of):
    return tokenizers_of(small_vocabulary) if request.param == "bert" else request.getfixturevalue("roberta")


def of_texts(encoding):
    return [-1 if number is None else number for number in encoding.sequence_ids]


@pytest.mark.parametrize("max_length", [4, 5, 8, 13, 40])
def test_rows_and_texts_of_tokens(both, max_length):
    ours, theirs = both
    first = ["the " * a for a in LENGTHS for _ in LENGTHS]
    second = ["film " * b for _ in LENGTHS for b in LENGTHS]
    theirs.enable_truncation(max_length)
    theirs.enable_padding(pad_id=0)
    try:
        singles, pairs = theirs.encode_batch(first), theirs.encode_batch(list(zip(first, second, strict=True)))
    finally:
        theirs.no_truncation()
        theirs.no_padding()
    for texts, expected in (((first,), singles), ((first, second), pairs)):
        batch = ours(*texts, max_length=max_length, offsets=True)
        assert batch["token_ids"].numpy().tolist() == [encoding.ids for encoding in expected]
        assert batch["segment_ids"].numpy().tolist() == [encoding.type_ids for encoding in expected]
        assert batch["padding_mask"].numpy().tolist() == [encoding.attention_mask for encoding in expected]
        assert batch["character_offsets"].numpy().tolist() == [list(map(list, e.offsets)) for e in expected]
        assert batch["text_ids"].numpy().tolist() == [of_texts(encoding) for encoding in expected]
        assert "text_ids" not in ours(*texts, max_length=max_length)


def test_windows_of_pairs(both):
    ours, theirs = both
    specials = ours.num_special_tokens(2)
    got = ours.windows(QUESTIONS, TEXTS, max_length=21 + specials, stride=5, max_first_length=14, offsets=True)
    rows, windows = overflowing(theirs, list(zip(QUESTIONS, TEXTS, strict=True)), 21 + specials, 5, "only_second")
    assert got["rows"].numpy().tolist() == rows
    for i, window in enumerate(windows):
        size = len(window.ids)
        assert got["token_ids"][i, :size].numpy().tolist() == window.ids
        assert got["text_ids"][i].numpy().tolist() == of_texts(window) + [-1] * (got["text_ids"].shape[1] - size)
    assert_best_contexts({**got, "segment_ids": got["text_ids"]}, 5)


def test_windows_of_single_texts(roberta):
    ours, theirs = roberta
    got = ours.windows(TEXTS, max_length=9, stride=3, offsets=True)
    rows, windows = overflowing(theirs, TEXTS, 9, 3, "longest_first")
    assert got["rows"].numpy().tolist() == rows
    assert [row[: len(w.ids)] for row, w in zip(got["token_ids"].numpy().tolist(), windows, strict=True)] == [
        window.ids for window in windows
    ]
    assert_best_contexts({**got, "segment_ids": got["text_ids"]}, 3)


@pytest.mark.parametrize(
    ("template", "single", "pair"),
    [
        (Template((), (7,), (8, 9)), [5, 8, 9], [5, 7, 6, 8, 9]),
        (Template((7, 8, 9), (), ()), [7, 8, 9, 5], [7, 8, 9, 5, 6]),
        (Template((), (), ()), [5], [5, 6]),
        (Template((1,), (2, 3, 4), (9,)), [1, 5, 9], [1, 5, 2, 3, 4, 6, 9]),
    ],
)
def test_any_number_of_special_tokens(template, single, pair):
    vocabulary = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "x", "a", "b", "1", "2", "3"])
    tokenizer = Tokenizer(vocabulary, template=template)
    for batch, expected in ((tokenizer(["a"]), single), (tokenizer(["a"], ["b"]), pair)):
        assert batch["token_ids"].numpy().tolist() == [expected]
    assert (tokenizer.num_special_tokens(1), tokenizer.num_special_tokens(2)) == (len(single) - 1, len(pair) - 2)
    rows = tokenizer(["a", "a b a"], ["b", ""], offsets=True)
    assert [[i for i, text in zip(*row, strict=True) if text >= 0] for row in zip(
        rows["token_ids"].numpy().tolist(), rows["text_ids"].numpy().tolist(), strict=True)] == [[5, 6], [5, 6, 5]]  # fmt: skip


def test_no_room_for_the_special_tokens(roberta):
    with pytest.raises(ValueError, match="max_length=3 leaves no room for the 4 special tokens"):
        roberta[0](["the"], ["film"], max_length=3)


def test_config_and_files(roberta, small_vocabulary, tokenizers_of, tmp_path):
    ours = roberta[0]
    copy = Tokenizer.from_config(json.loads(json.dumps(ours.get_config())))
    assert copy.template == ours.template
    assert copy.get_config() == ours.get_config()
    assert np.array_equal(copy(["the"], ["film"])["token_ids"], ours(["the"], ["film"])["token_ids"])
    bert = tokenizers_of(small_vocabulary)[0]
    assert "template" not in bert.get_config()
    assert bert.template == Template((2,), (3,), (3,), second_segment=1)
    ours.save(tmp_path)
    read = Tokenizer.from_folder(tmp_path)
    assert (read.template, read.special_tokens) == (ours.template, ours.special_tokens)
    assert np.array_equal(read(["the"], ["film"])["token_ids"], ours(["the"], ["film"])["token_ids"])


def test_an_id_that_the_vocabulary_does_not_have(small_vocabulary):
    with pytest.raises(VocabularyError, match=r"the template has the id 1000; the vocabulary has 0 to \d+"):
        Tokenizer(small_vocabulary, template=Template((2,), (3,), (1000,)))
