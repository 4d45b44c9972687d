"""The algorithms that a Tokenizer has: a row for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tfbert.errors import ConfigError
from tfbert.text.algorithms.algorithm import Algorithm, AlgorithmRules
from tfbert.text.algorithms.byte_bpe import ByteBpe
from tfbert.text.algorithms.byte_bpe_rules import ByteBpeRules
from tfbert.text.algorithms.rules import Rules
from tfbert.text.algorithms.unigram import Unigram
from tfbert.text.algorithms.unigram_settings import UnigramRules
from tfbert.text.algorithms.wordpiece import WordPiece
from tfbert.text.special_tokens import ANGLE_TOKENS, BERT_TOKENS, SpecialTokens
from tfbert.text.template import Template
from tfbert.text.vocabulary import Vocabulary


class Kind(NamedTuple):
    """An algorithm: the class of its rules, how it is made of them, and what stands around texts unless told."""

    rules: type[Any]
    algorithm: Callable[..., Algorithm]
    special_tokens: SpecialTokens
    template: Callable[[Vocabulary, SpecialTokens], Template]


KINDS = {
    "wordpiece": Kind(Rules, WordPiece, BERT_TOKENS, Template.bert),
    "byte_bpe": Kind(ByteBpeRules, ByteBpe, ANGLE_TOKENS, Template.two_separators),
    "unigram": Kind(UnigramRules, Unigram, ANGLE_TOKENS, Template.two_separators),
}


def name_of(rules: AlgorithmRules | None) -> str:
    """Returns the name of the algorithm that rules are of; None: WordPiece by BERT's rules.

    Raises TypeError for what is no rules.

    >>> name_of(None)
    'wordpiece'
    """
    if rules is None:
        return "wordpiece"
    for name, kind in KINDS.items():
        if isinstance(rules, kind.rules):
            return name
    known = ", ".join(kind.rules.__name__ for kind in KINDS.values())
    raise TypeError(f"rules is {type(rules).__name__}; expected one of {known}")


def kind_of(rules: AlgorithmRules | None) -> Kind:
    """Returns the row of the algorithm that rules are of."""
    return KINDS[name_of(rules)]


def to_json(rules: AlgorithmRules) -> dict[str, Any]:
    """Returns rules as plain JSON values; they name their algorithm, unless it is WordPiece."""
    name = name_of(rules)
    return {**({} if name == "wordpiece" else {"algorithm": name}), **rules.to_json()}


def from_json(values: Mapping[str, Any]) -> AlgorithmRules:
    """The inverse of `to_json`. Raises ConfigError: an algorithm that tfbert does not have."""
    arguments = dict(values)
    name = arguments.pop("algorithm", "wordpiece")
    if name not in KINDS:
        raise ConfigError(f"the tokenizer's algorithm is {name!r:.40}; tfbert has {', '.join(KINDS)}")
    return KINDS[name].rules(**arguments)
