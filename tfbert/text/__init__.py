"""Strings <-> ids: the vocabulary and the tokenizer."""

from tfbert.text.special_tokens import AddedToken, SpecialTokens
from tfbert.text.tokenizer import Tokenizer
from tfbert.text.vocabulary import Vocabulary

__all__ = ["AddedToken", "SpecialTokens", "Tokenizer", "Vocabulary"]
