"""A tokenizer <-> plain JSON values, as Keras files hold it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfbert.text.algorithms.rules import Rules
from tfbert.text.special_tokens import AddedToken, SpecialTokens
from tfbert.text.template import Template
from tfbert.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from tfbert.text.tokenizer import Tokenizer


def config_of(tokenizer: Tokenizer) -> dict[str, Any]:
    """Returns the arguments of a tokenizer's constructor; template and rules only where they are not BERT's."""
    config = {
        "vocabulary": list(tokenizer.vocabulary.tokens),
        "lower_case": tokenizer.lower_case,
        "strip_accents": tokenizer.strip_accents,
        "tokenize_chinese_chars": tokenizer.tokenize_chinese_chars,
        "max_length": tokenizer.max_length,
        "special_tokens": vars(tokenizer.special_tokens).copy(),
        "added_tokens": [vars(token).copy() for token in tokenizer.added_tokens],
    }
    if not is_bert(tokenizer):
        template = vars(tokenizer.template).items()
        config["template"] = {name: list(value) if isinstance(value, tuple) else value for name, value in template}
    if tokenizer.rules is not None:
        config["rules"] = tokenizer.rules.to_json()
    return config


def is_bert(tokenizer: Tokenizer) -> bool:
    """Whether a tokenizer's template is BERT's, which its config and files need not state."""
    return tokenizer.template == Template.bert(tokenizer.vocabulary, tokenizer.special_tokens)


def settings_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of the constructor that `config_of` was given."""
    settings = {
        **config,
        "vocabulary": Vocabulary(config["vocabulary"]),
        "special_tokens": SpecialTokens(**config.get("special_tokens", {})),
        "added_tokens": [AddedToken(**token) for token in config.get("added_tokens", ())],
    }
    if "template" in config:
        settings["template"] = Template(**config["template"])
    if "rules" in config:
        settings["rules"] = Rules(**config["rules"])
    return settings
