"""Tokenizers of the kinds that families' published folders have, of small vocabularies."""

import byte_bpe_kinds
import small_sentencepiece
import table

import tfbert
from tfbert.text import AddedToken, UnigramRules, Vocabulary
from tfbert.text.algorithms.unigram_rules import SentencePieceRules
from tfbert.text.special_tokens import BERT_TOKENS
from tfbert.text.template import Template

BRACKETS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# words of the tasks' rows
WORDS = {f"▁{word}": -3.0 - len(word) / 9 for text in table.LONG for word in text.split()}


def byte_bpe(kind):
    """Of RoBERTa and its kin, or of ModernBERT."""

    def made(folder):
        byte_bpe_kinds.made(kind).save(str(folder / "tokenizer.json"))
        return tfbert.Tokenizer.from_folder(folder, max_length=64)

    return made


def fairseq(folder):
    """Of XLM-R."""
    found = small_sentencepiece.model(("<s>", "<pad>", "</s>", "<unk>", "<mask>"), more=WORDS)
    mask = AddedToken("<mask>", special=True, lstrip=True)
    return _unigram(found, SentencePieceRules(), added_tokens=[mask])


def in_brackets(folder):
    """Of ALBERT and DeBERTa."""
    found = small_sentencepiece.model(BRACKETS, "[UNK]", more=WORDS)
    vocabulary = Vocabulary([piece.text.decode() for piece in found.pieces])
    rules = SentencePieceRules(({"type": "Lowercase"},), splits_white_space=False)
    return _unigram(found, rules, special_tokens=BERT_TOKENS, template=Template.bert(vocabulary, BERT_TOKENS))


def _unigram(found, rules, **settings):
    vocabulary = Vocabulary([piece.text.decode() for piece in found.pieces])
    return tfbert.Tokenizer(vocabulary, rules=UnigramRules(found, rules), max_length=64, **settings)


TOKENIZERS = {
    "roberta": byte_bpe("two_separators"),
    "xlm-roberta": fairseq,
    "modernbert": byte_bpe("nfc"),
    "deberta-v2": in_brackets,
    "albert": in_brackets,
    "bert": fairseq,  # as multilingual MiniLM and E5 have it
}
