"""Special and added tokens of a folder whose files need not name them: those of BPE and of SentencePiece.

Special tokens have the names that a key gives; where none does, those that the template says, or the usual ones that
the vocabulary has.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from absl import logging

from tfbert.errors import ConfigError
from tfbert.text import added_tokens, tokenizer_config
from tfbert.text.special_tokens import AddedToken, SpecialTokens
from tfbert.text.template import Template
from tfbert.text.vocabulary import Vocabulary

END_OF_TEXT = "<|endoftext|>"
# What a special token is called: its key, and where no file says it the first that the vocabulary has.
_USUAL = {
    "start": ("cls_token", "bos_token", "<s>", "[CLS]", END_OF_TEXT),
    "separator": ("sep_token", "eos_token", "</s>", "[SEP]", END_OF_TEXT),
    "padding": ("pad_token", "<pad>", "[PAD]", "<|padding|>", "eos_token", END_OF_TEXT),
    "unknown": ("unk_token", "<unk>", "[UNK]", "eos_token", END_OF_TEXT),
    "mask": ("mask_token", "<mask>", "[MASK]"),
}


def of_fast(fast: Mapping[str, Any], names: Mapping[str, Any], unknown: Any) -> dict[str, Any]:
    """Returns names of special tokens by their keys, with those that tokenizer.json says besides.

    Args:
        fast: the tokenizer.json.
        names: of the other files; they count over its padding.
        unknown: the model's unknown token, which counts over theirs; None where it has none.
    """
    found = dict(names)
    if unknown is not None:
        found["unk_token"] = unknown
    if not found.get("pad_token"):
        found["pad_token"] = (fast.get("padding") or {}).get("pad_token")
    return found


def of_template(names: Mapping[str, Any], template: Template, vocabulary: Vocabulary) -> dict[str, Any]:
    """Returns the names of special tokens, with those that the template alone says."""
    found = dict(names)
    for keys, ids in ((("cls_token", "bos_token"), template.before), (("sep_token", "eos_token"), template.after)):
        if ids and ids[0] < len(vocabulary) and not any(names.get(key) for key in keys):
            found[keys[0]] = vocabulary.tokens[ids[0]]
    return found


def read(
    files: added_tokens.Files, vocabulary: Vocabulary, default: SpecialTokens, of_class: Sequence[AddedToken] = ()
) -> tuple[Vocabulary, SpecialTokens, list[AddedToken]]:
    """Returns the vocabulary with its added tokens, its special tokens, and how the added ones are found.

    Args:
        files: of the folder.
        vocabulary: without tokens that only the files add to it.
        default: names that special tokens have where nothing else says one.
        of_class: tokens that the tokenizer's class adds by itself, unless the files say how they are found.

    Raises ConfigError or VocabularyError.
    """
    path = files.folder / "tokenizer_config.json"
    names = {key: value for key, value in files.names.items() if key.endswith(("_token", "_tokens")) and value}
    given = {key: added_tokens.content(value) for key, value in names.items() if key.endswith("_token")}
    stated = SpecialTokens(
        **{name: given[keys[0]] for name, keys in _USUAL.items() if isinstance(given.get(keys[0]), str)}
    )
    vocabulary, added = added_tokens.read(files._replace(names=names), vocabulary, stated, keeps_white_space=False)
    special = _special_tokens(given, vocabulary, path, default)
    found = {token.content: token for token in added}
    for value in names.values():
        token = added_tokens.content(value)
        if isinstance(value, Mapping) and isinstance(token, str) and token in vocabulary and token not in found:
            flags = {name: bool(value.get(name, False)) for name in ("normalized", "lstrip", "rstrip")}
            found[token] = AddedToken(token, special=True, **flags)
    for each in of_class:
        if each.content in vocabulary:
            found.setdefault(each.content, each)
    return vocabulary, special, list(found.values())


def _special_tokens(
    given: Mapping[str, Any], vocabulary: Vocabulary, path: pathlib.Path, default: SpecialTokens
) -> SpecialTokens:
    """Special tokens by the keys of files, and by their usual names where no key tells."""
    found = {}
    for name, candidates in _USUAL.items():
        key = candidates[0]
        if given.get(key):
            if not isinstance(given[key], str):
                raise ConfigError(f"{path}: {key} must be a text, not {given[key]!r:.40}")
            found[name] = given[key]
            continue
        named = [given.get(each) for each in candidates[1:] if each.endswith("_token")]
        named += [getattr(default, name), *(each for each in candidates[1:] if not each.endswith("_token"))]
        usual = [token for token in named if isinstance(token, str) and token in vocabulary]
        if usual:
            found[name] = usual[0]
    guessed = [f"{name} {token}" for name, token in found.items() if not given.get(_USUAL[name][0])]
    if guessed:
        logging.info("%s: special tokens that it does not name are taken to be: %s", path, ", ".join(guessed))
    return SpecialTokens(**{**vars(default), **found})


def settings(
    rules: Any, template: Template, special: SpecialTokens, added: Sequence[AddedToken], config: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the arguments of a Tokenizer, with what tokenizer_config.json says of length and segments."""
    if not tokenizer_config.has_segments(config):
        template = Template(template.before, template.between, template.after, 0)
    plain = {AddedToken(name, special=True) for name in special}
    found: dict[str, Any] = {
        "rules": rules,
        "template": template,
        "special_tokens": special,
        "added_tokens": [token for token in added if token not in plain],
    }
    if (length := tokenizer_config.max_length(config)) is not None:
        found["max_length"] = length
    return found
