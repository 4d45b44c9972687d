"""The settings of tokenizer_config.json, each followed or refused by name."""

from __future__ import annotations

import pathlib
from collections.abc import Collection, Mapping
from typing import Any

from tfbert.errors import ConfigError

# key -> the one value that changes no ids
_ONLY = {
    "word_tokenizer_type": "basic",
    "subword_tokenizer_type": "wordpiece",
    "do_word_tokenize": True,
    "do_subword_tokenize": True,
    "do_basic_tokenize": True,
    "split_special_tokens": False,
    "truncation_side": "right",
}
# the class of tokenizer.json alone, as versions of transformers call it: no key of tokenizer_config.json changes it
_GENERIC = ("PreTrainedTokenizerFast", "PreTrainedTokenizer", "TokenizersBackend")
_NO_LIMIT = 1_000_000  # Hugging Face writes 1e30 where a tokenizer has no maximum
_FLAGS = ("do_lower_case", "strip_accents", "tokenize_chinese_chars")


def check(config: Mapping[str, Any], path: pathlib.Path) -> None:
    """Raises ConfigError: a setting that tfbert does not have, or that is none, by name."""
    for key, value in _ONLY.items():
        if config.get(key) not in (None, value):
            raise ConfigError(
                f"{path}: {key}={config[key]!r}, which tfbert does not have. Texts are split by the rules of "
                f"BertTokenizerFast in the graph: remove the key if they fit, or split the texts beforehand"
            )
    for key, value in flags(config).items():
        if not (isinstance(value, bool) or (key == "strip_accents" and value is None)):
            raise ConfigError(f"{path}: {key} is {value!r}; expected true or false")
    length = config.get("model_max_length", config.get("max_len"))
    if isinstance(length, bool) or not isinstance(length, (int, float, type(None))):
        raise ConfigError(f"{path}: model_max_length is {length!r}; expected a number")
    if length is not None and not length > 0:  # NaN is not
        raise ConfigError(f"{path}: model_max_length is {length!r}; expected a positive number")


def check_never_split(config: Mapping[str, Any], whole: Collection[str], path: pathlib.Path) -> None:
    """Raises ConfigError: words that are not to be split, besides tokens that are `whole` in any case."""
    others = [word for word in config.get("never_split") or () if word not in whole]
    if others:
        raise ConfigError(
            f"{path}: never_split has {', '.join(map(repr, others[:5]))}, which tfbert does not have; remove the key, "
            "or list the words under added_tokens_decoder, which makes each a token"
        )


def flags(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what it says of lower case, accents and Chinese characters."""
    return {key: config[key] for key in _FLAGS if key in config}


def is_generic(config: Mapping[str, Any]) -> bool:
    """Whether it leaves all rules to tokenizer.json."""
    return config.get("tokenizer_class") in _GENERIC


def max_length(config: Mapping[str, Any]) -> int | None:
    """Returns the most tokens of a text; None without a limit."""
    length = config.get("model_max_length", config.get("max_len"))
    return None if length is None or length >= _NO_LIMIT else int(length)


def has_segments(config: Mapping[str, Any]) -> bool:
    """Whether the network gets segment ids: unless the names of its inputs are given without them."""
    return "token_type_ids" in (config.get("model_input_names") or ("token_type_ids",))
