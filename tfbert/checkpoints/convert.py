"""A checkpoint of any format -> a folder of another one, tensor by tensor."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
from typing import Any

from tfbert.checkpoints import open_checkpoint
from tfbert.checkpoints.formats import google_tf1, hugging_face, keras_hub, model_garden, sentence_transformers
from tfbert.checkpoints.weights import PartOf, Source, Weights
from tfbert.encoders import families
from tfbert.errors import CheckpointError, ConfigError, VocabularyError
from tfbert.files import replace_folder

# format -> what tells its folders from others, that one may be replaced
MARKERS = {
    "hf": "config.json",
    "tf1": "bert_config.json",
    "keras_hub": "config.json",
    "model_garden": "bert_config.json",
}
_NAMES = {"hf": "Hugging Face", "tf1": "Google's BERT", "keras_hub": "KerasHub", "model_garden": "Model Garden"}
_SHOWN = 5  # names of a list in a note
_TOKENIZER_FILES = (
    *("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
)
# Keys of config.json that speak of how the source was stored.
_OF_STORAGE = ("torch_dtype", "dtype", "transformers_version", "quantization_config", "embedding")


def convert(source: Source, form: str, out: Any) -> list[str]:
    """Writes an opened checkpoint as a folder of another format.

    Args:
        source: of `open_checkpoint`.
        form: "hf", "tf1", "keras_hub" or "model_garden".
        out: the folder; another of the same format is replaced.

    Returns:
        A list of sentences on what the format has no place for, or computes otherwise.

    Raises:
        ConfigError: a network that the format does not have.

    >>> convert(open_checkpoint("bert_uncased"), "hf", "converted")
    []
    """
    if form not in MARKERS:
        raise ConfigError(f"there is no format {form!r}; the formats are {', '.join(MARKERS)}")
    weights, notes = (source, []) if form == "hf" else _as_far_as(source, form)
    head = source.hugging_face_head()
    with replace_folder(out, marker=MARKERS[form]) as folder:
        if form == "hf":
            hugging_face.write_weights(folder, weights, head=head, values=_hugging_face_values(source))
            _write_modules(folder, source)
        elif form == "tf1":
            google_tf1.write_weights(folder, weights)
        elif form == "model_garden":
            model_garden.write_weights(folder, weights, classifies_tokens=head == "TokenClassification")
        notes += _write_vocabulary(folder, source, weights, form)
    return notes + _not_kept(source, open_checkpoint(out), _NAMES[form])


def _as_far_as(source: Source, form: str) -> tuple[PartOf, list[str]]:
    """The weights that a format has a place for, and sentences on the others."""
    family = source.family
    if form not in family.forms or family.forms[form].fitted is None:
        raise ConfigError(f"{_NAMES[form]} has no {family.name}; convert it to {', '.join(_formats_of(family))}")
    config, shapes, notes = family.forms[form].fitted(source)
    return PartOf(source, config, shapes), notes


def _formats_of(family: families.Family) -> list[str]:
    return ["hf", *(form for form in MARKERS if form in family.forms and family.forms[form].fitted is not None)]


def _hugging_face_values(source: Source) -> dict[str, Any]:
    """What config.json says besides the sizes."""
    values = {key: value for key, value in source.values.items() if key not in _OF_STORAGE}
    ours = {*source.config.to_dict(), *source.config.other_names.values(), "model_type", "architectures"}
    values = {key: value for key, value in values.items() if key not in ours}
    if names := source.label_names():
        values["id2label"] = {str(i): name for i, name in enumerate(names)}
        values["label2id"] = {name: i for i, name in enumerate(names)}
    return values


def _write_modules(folder: pathlib.Path, source: Source) -> None:
    settings = sentence_transformers.settings(source)
    if settings:
        sentence_transformers.write(folder, settings, source)


def _write_vocabulary(folder: pathlib.Path, source: Source, weights: Weights, form: str) -> list[str]:
    """The tokenizer's files in a format's own way; a vocabulary that tfbert does not read is copied as it is."""
    try:
        tokenizer, notes = source.tokenizer(), []
    except (ConfigError, VocabularyError) as error:
        tokenizer, notes = None, [f"tfbert does not read the tokenizer, whose files are copied as they are: {error}"]
    if form == "keras_hub":
        embedding = sentence_transformers.settings(source)
        heads = weights.heads()
        task = "TextClassifier" if "classifier" in heads else "MaskedLM" if "predictions" in heads else None
        task = task or ("TextEmbedder" if embedding else None)
        keras_hub.write_weights(folder, weights, tokenizer, task, embedding)
        return notes
    files = [name for name in _TOKENIZER_FILES if (source.folder / name).exists()]
    if isinstance(source, keras_hub.KerasHubSource):
        files = []  # its tokenizer.json is another one
    said = any(name != "vocab.txt" for name in files)
    if form == "hf" and not said and tokenizer is not None:
        tokenizer.save(folder)
    elif form == "hf" or tokenizer is None:
        for name in files:
            shutil.copyfile(source.folder / name, folder / name)
    else:
        text = "".join(f"{token}\n" for token in tokenizer.vocabulary)
        (pathlib.Path(folder) / "vocab.txt").write_bytes(text.encode("utf-8"))
    return notes


def _not_kept(source: Source, written: Source, name: str) -> list[str]:
    """Sentences on what the written folder, read again, does not say as the source does, besides its weights."""
    before, after, notes = {}, {}, []
    try:
        before = _rules(source.tokenizer())
        after = _rules(written.tokenizer())
    except (ConfigError, VocabularyError) as error:
        if before:  # else nothing is read of the source's either
            notes.append(f"{name} has no place for all of the tokenizer, which tfbert does not read there: {error}")
    if written.label_names():  # else there is no classifier, which is told
        before["the names of the labels"] = source.label_names()
        after["the names of the labels"] = written.label_names()
    notes += [
        f"{name} has no place for {what}, {_shown(before[what])}: read back, {_shown(found)}"
        for what, found in after.items()
        if found != before[what]
    ]
    try:
        pooling = sentence_transformers.settings(source)
    except CheckpointError:  # modules that tfbert does not have
        return notes
    kept = sentence_transformers.settings(written)
    lost = [key for key in ("pooling", "normalize", "max_length") if key in pooling and kept.get(key) != pooling[key]]
    if lost:
        settings = ", ".join(f"{key} {pooling[key]}" for key in lost)
        notes.append(f"{name} has no place for the sentence embedding's {settings}")
    return notes


def _rules(tokenizer: Any) -> dict[str, Any]:
    """What decides a text's ids besides the vocabulary."""
    lower_case, strip_accents = tokenizer.lower_case, tokenizer.strip_accents
    return {
        "the tokenizer's lower_case": lower_case,
        "the tokenizer's strip_accents": lower_case if strip_accents is None else strip_accents,
        "the tokenizer's tokenize_chinese_chars": tokenizer.tokenize_chinese_chars,
        "the tokenizer's special_tokens": dataclasses.astuple(tokenizer.special_tokens),
        "the tokenizer's added_tokens": tuple(token.content for token in tokenizer.added_tokens),
    }


def _shown(value: Any) -> str:
    if not isinstance(value, tuple):
        return str(value)
    return ", ".join(value[:_SHOWN]) + (" …" if len(value) > _SHOWN else "") or "none"
