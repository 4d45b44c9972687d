"""Strings <-> ids: the vocabulary and the tokenizer."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfbert.text.algorithms.byte_bpe_rules import ByteBpeRules as ByteBpeRules
    from tfbert.text.algorithms.unigram_settings import UnigramRules as UnigramRules
    from tfbert.text.special_tokens import AddedToken as AddedToken
    from tfbert.text.special_tokens import SpecialTokens as SpecialTokens
    from tfbert.text.tokenizer import Tokenizer as Tokenizer
    from tfbert.text.vocabulary import Vocabulary as Vocabulary

_PUBLIC = {
    "AddedToken": "tfbert.text.special_tokens",
    "ByteBpeRules": "tfbert.text.algorithms.byte_bpe_rules",
    "SpecialTokens": "tfbert.text.special_tokens",
    "Tokenizer": "tfbert.text.tokenizer",
    "UnigramRules": "tfbert.text.algorithms.unigram_settings",
    "Vocabulary": "tfbert.text.vocabulary",
}

__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    # Imported on first use: LiteRT's kernels are loaded without TensorFlow.
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'tfbert.text' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
