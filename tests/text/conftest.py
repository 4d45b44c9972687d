"""The reference: Hugging Face's `tokenizers`, set up as BertTokenizerFast does."""

import pytest
import tokenizers
from tokenizers import models, normalizers, pre_tokenizers, processors

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
    """tokenizers_of(vocabulary, *settings) -> (tfbert's Tokenizer, the reference)."""
    cache = {}

    def make(vocabulary, lower_case=True, strip_accents=None, tokenize_chinese_chars=True):
        key = (id(vocabulary), lower_case, strip_accents, tokenize_chinese_chars)
        if key not in cache:
            settings = (lower_case, strip_accents, tokenize_chinese_chars)
            cache[key] = vocabulary, Tokenizer(vocabulary, *settings), reference(vocabulary, *settings)
        return cache[key][1:]

    return make


@pytest.fixture(scope="session")
def real_vocabulary():
    """real_vocabulary(path) -> Vocabulary, read once."""
    cache = {}

    def read(path):
        if path not in cache:
            cache[path] = Vocabulary.from_file(path)
        return cache[path]

    return read


def reference(vocabulary, lower_case=True, strip_accents=None, tokenize_chinese_chars=True):
    ids = {token: number for number, token in enumerate(vocabulary.tokens)}
    tokenizer = tokenizers.Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=tokenize_chinese_chars,
        strip_accents=strip_accents,
        lowercase=lower_case,
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens([token for token in SPECIAL if token in ids])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    return tokenizer
