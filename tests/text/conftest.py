"""The reference: Hugging Face's `tokenizers`, set up as BertTokenizerFast does."""

import functools

import numpy as np
import pytest
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

from tfbert.text import Tokenizer, Vocabulary

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LETTERS = """
the a film ##s un ##aff ##able play ##ing ##ed cafe straße strasse σ ##ς ##σ h ##e ##l ##o hello Hello world
mask MASK é É e ##\u0301 i ##i\u0307 x ##x 1 ##2 ½ fi ﬁ 字 北 京 ##京 ก ##ก あ ##あ ᄒ ##ᅡ 한
"""
MARKS = "! , . ' # [ ] - … = < ` ; ## [mask] 😀"


@pytest.fixture(scope="session")
def small_vocabulary():
    return Vocabulary([*SPECIAL, *LETTERS.split(), *MARKS.split()])


@pytest.fixture(scope="session")
def tokenizers_of():
    """tokenizers_of(vocabulary, *settings, added) -> (tfbert's Tokenizer, the reference)."""
    cache = {}

    def make(vocabulary, lower_case=True, strip_accents=None, tokenize_chinese_chars=True, added=()):
        key = (id(vocabulary), lower_case, strip_accents, tokenize_chinese_chars, tuple(added))
        if key not in cache:
            rules = (lower_case, strip_accents, tokenize_chinese_chars)
            ours = Tokenizer(vocabulary, *rules, added_tokens=added)
            cache[key] = vocabulary, ours, reference(vocabulary, *rules, added)
        return cache[key][1:]

    return make


@pytest.fixture(scope="session")
def reference_of():
    return reference


@pytest.fixture(scope="session")
def real_vocabulary(data_dir):
    """real_vocabulary(name) -> one of the published BERT vocabularies, read once."""

    @functools.cache
    def read(name):
        return Vocabulary.from_file(data_dir(f"vocab/{name}/vocab.txt"))

    return read


def reference(vocabulary, lower_case=True, strip_accents=None, tokenize_chinese_chars=True, added=()):
    """`tokenizers` set up as transformers' BertTokenizerFast sets it up."""
    ids = {token: number for number, token in enumerate(vocabulary.tokens)}
    tokenizer = tokenizers.Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=tokenize_chinese_chars,
        strip_accents=strip_accents,
        lowercase=lower_case,
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    tokenizer.add_special_tokens([token for token in SPECIAL if token in ids])
    for token in added:
        # One list for both kinds: Hugging Face's own flags say where each is looked for.
        tokenizer.add_tokens([tokenizers.AddedToken(token.content, normalized=token.normalized, special=token.special)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    return tokenizer


def assert_equal(pair, texts):
    """Ids, offsets in characters and bytes, and word ids of every token equal the reference's."""
    ours, theirs = pair
    for start in range(0, len(texts), 2000):
        _assert_equal(ours, theirs, texts[start : start + 2000])


def _assert_equal(ours, theirs, texts):
    got = ours.tokenize(texts, offsets=True)
    expected = theirs.encode_batch(texts, add_special_tokens=False)
    lengths = np.array([len(encoding.ids) for encoding in expected])
    row_lengths = got["token_ids"].row_lengths().numpy()
    values = {name: value.flat_values.numpy() for name, value in got.items()}
    wanted = {
        "token_ids": [number for encoding in expected for number in encoding.ids],
        "character_offsets": [offset for encoding in expected for offset in encoding.offsets],
        "word_ids": [number for encoding in expected for number in encoding.word_ids],
    }
    if not np.array_equal(lengths, row_lengths) or any(not _same(values[name], wanted[name]) for name in wanted):
        for i, (text, encoding) in enumerate(zip(texts, expected, strict=True)):
            row = {name: value[i].numpy().tolist() for name, value in got.items()}
            assert row["token_ids"] == encoding.ids, ascii(text)
            assert row["character_offsets"] == [list(offset) for offset in encoding.offsets], ascii(text)
            assert row["word_ids"] == encoding.word_ids, ascii(text)
    # Bytes and characters name the same places.
    splits = np.concatenate([[0], np.cumsum(lengths)])
    for i, text in enumerate(texts):
        in_bytes, in_characters = (
            values[f"{unit}_offsets"][splits[i] : splits[i + 1]].ravel() for unit in ("byte", "character")
        )
        if text.isascii():
            assert np.array_equal(in_bytes, in_characters), text
        else:
            sizes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
            sizes = 1 + (sizes > 0x7F) + (sizes > 0x7FF) + (sizes > 0xFFFF)
            byte_of = np.concatenate([[0], np.cumsum(sizes)])
            assert np.array_equal(in_bytes, byte_of[in_characters]), ascii(text)


def _same(values, wanted):
    return np.array_equal(values, np.array(wanted, values.dtype).reshape(values.shape))
