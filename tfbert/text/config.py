"""A tokenizer <-> plain JSON values, as Keras files hold it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfbert.text import kinds
from tfbert.text.algorithms.rules import Rules
from tfbert.text.special_tokens import AddedToken, SpecialTokens
from tfbert.text.template import Template
from tfbert.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from tfbert.text.tokenizer import Tokenizer


def config_of(tokenizer: Tokenizer) -> dict[str, Any]:
    """Returns a tokenizer's arguments; template and rules only where they are not its algorithm's own."""
    has_flags = tokenizer.rules is None or isinstance(tokenizer.rules, Rules)
    flags = ("lower_case", "strip_accents", "tokenize_chinese_chars") if has_flags else ()
    config = {
        "vocabulary": list(tokenizer.vocabulary.tokens),
        **{name: getattr(tokenizer, name) for name in flags},
        "max_length": tokenizer.max_length,
        "special_tokens": vars(tokenizer.special_tokens).copy(),
        "added_tokens": [vars(token).copy() for token in tokenizer.added_tokens],
    }
    if not has_own_template(tokenizer):
        template = vars(tokenizer.template).items()
        config["template"] = {name: list(value) if isinstance(value, tuple) else value for name, value in template}
    if tokenizer.vocabulary.merges:
        config["merges"] = [list(pair) for pair in tokenizer.vocabulary.merges]
    if tokenizer.rules is not None:
        config["rules"] = kinds.to_json(tokenizer.rules)
    return config


def has_own_template(tokenizer: Tokenizer) -> bool:
    """Whether a tokenizer's template is its algorithm's own, which its config need not state."""
    template = kinds.kind_of(tokenizer.rules).template
    return tokenizer.template == template(tokenizer.vocabulary, tokenizer.special_tokens)


def settings_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of the constructor that `config_of` was given."""
    settings = {
        **config,
        "vocabulary": Vocabulary(config["vocabulary"], merges=config.get("merges", ())),
        "special_tokens": SpecialTokens(**config["special_tokens"]) if "special_tokens" in config else None,
        "added_tokens": [AddedToken(**token) for token in config.get("added_tokens", ())],
    }
    if "template" in config:
        settings["template"] = Template(**config["template"])
    if "rules" in config:
        settings["rules"] = kinds.from_json(config["rules"])
    settings.pop("merges", None)
    return settings
