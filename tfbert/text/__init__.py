"""Strings <-> ids: the vocabulary and the tokenizer."""

from tfbert.text.tokenizer import Tokenizer
from tfbert.text.vocabulary import Vocabulary

__all__ = ["Tokenizer", "Vocabulary"]
