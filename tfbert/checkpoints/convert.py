"""A checkpoint of any format -> a folder of another one, tensor by tensor."""

from __future__ import annotations

from typing import Any

from tfbert.checkpoints import open_checkpoint
from tfbert.checkpoints.formats import Format, format_to_write, sentence_transformers, written_formats
from tfbert.checkpoints.weights import PartOf, Source, Weights
from tfbert.errors import CheckpointError, ConfigError, VocabularyError
from tfbert.files import replace_folder

_SHOWN = 5  # names of a list in a note


def convert(source: Source, form: str, out: Any) -> list[str]:
    """Writes an opened checkpoint as a folder of another format.

    Args:
        source: of `open_checkpoint`.
        form: "hf", "tf1", "keras_hub", "model_garden", or a registered one.
        out: the folder; another of the same format is replaced.

    Returns:
        A list of sentences on what the format has no place for, or computes differently.

    Raises:
        ConfigError: a network that the format does not have.

    >>> convert(open_checkpoint("path/or/hf-id"), "hf", "converted")
    []
    """
    target = format_to_write(form)
    weights, notes = (source, []) if target.any_family else _as_far_as(source, target)
    try:
        tokenizer = source.tokenizer()
    except (ConfigError, VocabularyError) as error:
        tokenizer = None
        notes.append(f"tfbert does not read the tokenizer, whose files are copied as they are: {error}")
    with replace_folder(out, marker=target.marker) as folder:
        target.write(folder, source, weights, tokenizer)
    return notes + _not_kept(source, open_checkpoint(out), target.title)


def _as_far_as(source: Source, target: Format) -> tuple[Weights, list[str]]:
    """The weights that a format has a place for, and sentences on the others."""
    family = source.family

    def takes(one: Format) -> bool:
        return one.any_family or (one.name in family.forms and family.forms[one.name].fitted is not None)

    if not takes(target):
        others = [name for name, one in written_formats().items() if takes(one)]
        raise ConfigError(f"{target.title} has no {family.name}; convert it to {', '.join(others)}")
    config, shapes, notes = family.forms[target.name].fitted(source)
    return PartOf(source, config, shapes), notes


def _not_kept(source: Source, written: Source, name: str) -> list[str]:
    """Sentences on what, besides weights, the written folder lacks or changes when it is read back."""
    before, after, notes = {}, {}, []
    try:
        before = _rules(source.tokenizer())
        after = {**dict.fromkeys(before, "none"), **_rules(written.tokenizer())}
    except (ConfigError, VocabularyError) as error:
        if before:  # otherwise the source's own tokenizer was not readable
            notes.append(f"{name} has no place for all of the tokenizer, which tfbert does not read there: {error}")
    if written.label_names():  # otherwise the classifier was left out, and another note reports it
        before["the names of the labels"] = source.label_names()
        after["the names of the labels"] = written.label_names()
    notes += [
        f"{name} has no place for {what}, {_shown(before.get(what, 'none'))}: read back, {_shown(found)}"
        for what, found in after.items()
        if found != before.get(what, "none")
    ]
    try:
        pooling = sentence_transformers.settings(source)
    except CheckpointError:  # modules that tfbert does not have
        return notes
    kept = sentence_transformers.settings(written)
    settings = ("pooling", "normalize", "max_length", "prompt", "include_prompt")
    lost = [key for key in settings if key in pooling and kept.get(key) != pooling[key]]
    if lost:
        values = ", ".join(f"{key} {pooling[key]}" for key in lost)
        notes.append(f"{name} has no place for the sentence embedding's {values}")
    return notes


def _rules(tokenizer: Any) -> dict[str, Any]:
    """What decides a text's ids besides the vocabulary."""
    return {
        **{f"the tokenizer's {name}": value for name, value in tokenizer.algorithm.rules.items()},
        "the tokenizer's template": str(tokenizer.template),
        "the tokenizer's special_tokens": tuple(tokenizer.special_tokens),
        "the tokenizer's added_tokens": tuple(token.content for token in tokenizer.added_tokens),
    }


def _shown(value: Any) -> str:
    if not isinstance(value, tuple):
        return str(value)
    return ", ".join(value[:_SHOWN]) + (" …" if len(value) > _SHOWN else "") or "none"
