"""The parts of a tokenizer.json that are of byte-level BPE: vocabulary and merges, rules, offsets; read and written.

Source: `tokenizers`, src/models/bpe/mod.rs, src/pre_tokenizers/byte_level.rs and src/processors/roberta.rs.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfbert.errors import ConfigError, VocabularyError, kind_of
from tfbert.text import tokenizer_json
from tfbert.text.algorithms.byte_bpe_model import check_merges, dead_tokens
from tfbert.text.algorithms.byte_bpe_rules import PATTERN, ByteBpeRules
from tfbert.text.template import Template
from tfbert.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from tfbert.text.tokenizer import Tokenizer

# field of the model -> values that change no ids
_WITHOUT = {
    "dropout": (None, 0, 0.0),
    "continuing_subword_prefix": (None, ""),
    "end_of_word_suffix": (None, ""),
    "byte_fallback": (None, False),
    "fuse_unk": (None, False),
}


def holds(fast: Mapping[str, Any]) -> bool:
    """Whether a tokenizer.json is of byte-pair encoding."""
    model = fast.get("model") or {}
    return model.get("type") == "BPE" or ("merges" in model and "type" not in model)


def read_vocabulary(fast: Mapping[str, Any], path: pathlib.Path) -> Vocabulary:
    """Returns the Vocabulary with merges. Raises VocabularyError or ConfigError, by name."""
    model = fast["model"]
    for field, allowed in _WITHOUT.items():
        if model.get(field) not in allowed:
            raise ConfigError(f"{path}: the BPE model has {field}={model[field]!r:.40}, which tfbert does not have")
    ids, merges = model.get("vocab"), model.get("merges")
    if not isinstance(ids, dict) or not isinstance(merges, list):
        raise VocabularyError(f"{path}: the BPE model must have a vocab, an object, and merges, a list")
    pairs = []
    for number, merge in enumerate(merges):
        pair = merge.split(" ") if isinstance(merge, str) else merge
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(part, str) for part in pair):
            raise VocabularyError(f"{path}: merge {number:,} is {merge!r:.60}; expected two tokens")
        pairs.append((pair[0], pair[1]))
    check_merges(pairs, ids, lambda number: f"{path}: merge {number:,}", str(path))
    vocabulary = Vocabulary(tokenizer_json.tokens_of(ids, path), path, pairs)
    if model.get("ignore_merges") and (dead := dead_tokens(vocabulary)):
        raise ConfigError(
            f"{path}: the BPE model has ignore_merges=true, and {len(dead):,} tokens that merges do not make, such as "
            f"{dead[0]!r:.40}, which tfbert does not have"
        )
    return vocabulary


def read_rules(fast: Mapping[str, Any], path: pathlib.Path) -> ByteBpeRules:
    """Returns the rules of a tokenizer.json. Raises ConfigError: what tfbert does not have, by name."""
    add_prefix_space = _pre_tokenizer(fast.get("pre_tokenizer"), path)
    trim, keeps = False, False
    for post in _flat(fast.get("post_processor"), "processors"):
        if post.get("type") in ("ByteLevel", "RobertaProcessing"):
            trim, keeps = post.get("trim_offsets", True), post.get("add_prefix_space", True)
    try:
        return ByteBpeRules(
            add_prefix_space=add_prefix_space,
            trim_offsets=trim,
            trim_keeps_first_space=keeps if trim else False,
            normalizer=fast.get("normalizer"),
            has_unknown=fast["model"].get("unk_token") is not None,
        )
    except ConfigError as error:
        raise ConfigError(f"{path} has {error}") from None


def _pre_tokenizer(given: Mapping[str, Any] | None, path: pathlib.Path) -> bool:
    """Whether the pre-tokenizer adds a space before texts. Raises ConfigError: it is not GPT-2's."""
    steps = _flat(given, "pretokenizers")
    names = ", ".join(str(step.get("type")) for step in steps) or "none"
    *splits, last = steps or [{}]
    if last.get("type") != "ByteLevel":
        raise ConfigError(
            f"{path} has the model BPE with the pre-tokenizer {names}; tfbert has BPE of bytes alone, with ByteLevel"
        )
    add_prefix_space = last.get("add_prefix_space", True)
    if not splits and last.get("use_regex", True):
        return add_prefix_space
    if len(splits) == 1 and splits[0].get("type") == "Split" and not last.get("use_regex", True):
        split = splits[0]
        pattern = split.get("pattern", {}).get("Regex")
        if pattern != PATTERN or split.get("behavior") != "Isolated" or split.get("invert"):
            raise ConfigError(
                f"{path} splits texts by {split.get('pattern')!s:.200} ({split.get('behavior')}); tfbert has the "
                f"expression of GPT-2 alone: {PATTERN} (Isolated)"
            )
        if not add_prefix_space:
            return False
        raise ConfigError(f"{path}: ByteLevel after Split has add_prefix_space=true, which tfbert does not have")
    raise ConfigError(
        f"{path} has the pre-tokenizer {names} with use_regex={last.get('use_regex', True)}; tfbert has ByteLevel with "
        "use_regex=true, or after one Split by the same expression"
    )


def read_template(fast: Mapping[str, Any], path: pathlib.Path) -> Template:
    """Returns the Template of the post-processors; without one, nothing stands around texts.

    Raises ConfigError: special tokens that a Template has no place for.
    """
    found = [post for post in _flat(fast.get("post_processor"), "processors") if post.get("type") != "ByteLevel"]
    if len(found) > 1:
        raise ConfigError(f"{path} has {len(found)} post-processors that put special tokens around texts")
    template = tokenizer_json.read_template({"post_processor": found[0]}, path) if found else None
    return template or Template((), (), (), second_segment=0)


def _flat(given: Any, key: str) -> list[Mapping[str, Any]]:
    """The steps of a Sequence, one after the other."""
    if given is None:
        return []
    if not isinstance(given, Mapping):
        raise ConfigError(f"a step of a Sequence must be an object, not {kind_of(given)}")
    return [step for inner in given.get(key) or () for step in _flat(inner, key)] if key in given else [given]


def parts(tokenizer: Tokenizer, rules: ByteBpeRules) -> dict[str, Any]:
    """Returns the keys of a tokenizer.json that are of byte-level BPE, post-processor included."""
    vocabulary = tokenizer.vocabulary
    unknown = tokenizer.special_tokens.unknown if rules.has_unknown else None
    flags = {"add_prefix_space": rules.add_prefix_space, "trim_offsets": True, "use_regex": True}
    return {
        "normalizer": rules.normalizer,
        "pre_tokenizer": {"type": "ByteLevel", **flags},
        "post_processor": _post_processor(tokenizer, rules),
        "decoder": {"type": "ByteLevel", **flags},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": unknown,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: vocabulary[token] for token in vocabulary if token},
            "merges": [" ".join(pair) for pair in vocabulary.merges],
        },
    }


def _post_processor(tokenizer: Tokenizer, rules: ByteBpeRules) -> dict[str, Any]:
    template, tokens = tokenizer.template, tokenizer.vocabulary.tokens
    offsets = {"add_prefix_space": rules.trim_keeps_first_space, "trim_offsets": rules.trim_offsets}
    if _has_two_separators(template):
        ends = {
            "sep": [tokens[template.after[0]], template.after[0]],
            "cls": [tokens[template.before[0]], template.before[0]],
        }
        return {"type": "RobertaProcessing", **ends, **offsets}
    steps: Sequence[dict[str, Any]] = [{"type": "ByteLevel", **offsets, "use_regex": True}]
    if not template.ids:
        return steps[0]
    around = tokenizer_json.template_processing(template, tokenizer.vocabulary)
    return {"type": "Sequence", "processors": [*steps, around]} if rules.trim_offsets else around


def _has_two_separators(template: Template) -> bool:
    lengths = (len(template.before), len(template.between), len(template.after))
    return lengths == (1, 2, 1) and set(template.between) == set(template.after) and template.second_segment == 0
