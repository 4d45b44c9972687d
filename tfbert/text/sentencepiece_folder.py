"""A folder of a SentencePiece tokenizer: tokenizer.json with a Unigram model, or a .model file; read and written."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from absl import logging

from tfbert.errors import ConfigError, VocabularyError
from tfbert.files import read_json_object, replace_file
from tfbert.text import added_tokens, special_names, tokenizer_json
from tfbert.text.algorithms import sentencepiece_model as sp
from tfbert.text.algorithms import unigram_files, unigram_json
from tfbert.text.algorithms.unigram_files import MODEL_FILES, SentencePieceFiles
from tfbert.text.algorithms.unigram_settings import UnigramRules
from tfbert.text.special_tokens import ANGLE_TOKENS, AddedToken, SpecialTokens
from tfbert.text.template import Template
from tfbert.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from tfbert.text.tokenizer import Tokenizer

_TWO_SEPARATORS = (unigram_files.FAIRSEQ, "CamembertTokenizer")


def is_one(folder: pathlib.Path, fast: Mapping[str, Any] | None) -> bool:
    """Whether a folder has a SentencePiece model; `fast` is its tokenizer.json."""
    if fast is not None:
        return (fast.get("model") or {}).get("type") == "Unigram"
    return not (folder / "vocab.txt").exists() and model_file(folder) is not None


def model_file(folder: pathlib.Path) -> pathlib.Path | None:
    """Returns the .model file of a folder; None where there is none."""
    return next((folder / name for name in MODEL_FILES if (folder / name).exists()), None)


def read(
    folder: pathlib.Path, fast: Mapping[str, Any] | None, config: Mapping[str, Any], names: Mapping[str, Any]
) -> tuple[Vocabulary, dict[str, Any]]:
    """Returns the Vocabulary of a folder, and the arguments of a Tokenizer that it states.

    Args:
        fast: its tokenizer.json; None where there is none.
        config: its tokenizer_config.json.
        names: special tokens by their keys, of all files.

    Raises VocabularyError or ConfigError.
    """
    if fast is None:
        found, source = _of_model_file(folder, config)
    else:
        source = folder / "tokenizer.json"
        found = unigram_json.read_tokenizer_json(fast, source)
        names = special_names.of_fast(fast, names, found.tokens[found.model.unk_id])
        _warn_of_case(found, config, source)
    vocabulary = Vocabulary(found.tokens, source)
    template = None if found.template is None else Template(**found.template)
    if fast is not None:
        template = tokenizer_json.read_template(fast, source)
        if template is not None:
            names = special_names.of_template(names, template, vocabulary)
    files = added_tokens.Files(folder, fast or {}, config, names)
    default = SpecialTokens(**found.special_tokens) if found.special_tokens else ANGLE_TOKENS
    of_class = [AddedToken(**token) for token in found.added_tokens]
    vocabulary, special, added = special_names.read(files, vocabulary, default, of_class)
    if template is None:
        template = _template_of_class(config, vocabulary, special, source)
    rules = UnigramRules(found.model, found.rules)
    return vocabulary, special_names.settings(rules, template, special, added, config)


def _of_model_file(folder: pathlib.Path, config: Mapping[str, Any]) -> tuple[SentencePieceFiles, pathlib.Path]:
    """What the .model file says, as the class numbers it that tokenizer_config.json or config.json names."""
    path = model_file(folder)
    assert path is not None
    other = folder / "config.json"
    of_model = read_json_object(other, ConfigError) if other.exists() else {}
    name = _class(config) or _class(of_model) or unigram_files.CLASSES.get(of_model.get("model_type"), "")
    if not name:
        raise ConfigError(
            f"{path}: no tokenizer_class in tokenizer_config.json says how its pieces are numbered; name one of "
            f"{', '.join(unigram_files.CLASSES.values())} there"
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise VocabularyError(f"cannot read {path}: {error.strerror or error}") from error
    return unigram_files.read_model_file(data, path, name, config), path


def _class(config: Mapping[str, Any]) -> str:
    return str(config.get("tokenizer_class") or "").removesuffix("Fast")


def _template_of_class(
    config: Mapping[str, Any], vocabulary: Vocabulary, special: SpecialTokens, path: pathlib.Path
) -> Template:
    """What a class puts around texts where tokenizer.json says nothing."""
    special.check(vocabulary)
    name = _class(config)
    if name in _TWO_SEPARATORS:
        return Template.two_separators(vocabulary, special)
    if name in unigram_files.CLASSES.values():
        return Template.bert(vocabulary, special)
    raise ConfigError(
        f"{path} has no post_processor, which puts special tokens around a text; add one of the type "
        f"TemplateProcessing, or name a tokenizer_class in tokenizer_config.json: "
        f"{', '.join(unigram_files.CLASSES.values())}"
    )


def _warn_of_case(found: SentencePieceFiles, config: Mapping[str, Any], path: pathlib.Path) -> None:
    stated, lowers = config.get("do_lower_case"), any(step["type"] == "Lowercase" for step in found.rules.steps)
    if isinstance(stated, bool) and stated != lowers:
        does = "lower-cases texts" if lowers else "does not lower-case texts"
        logging.warning("%s %s; do_lower_case=%s of tokenizer_config.json changes nothing", path, does, stated)


def write(folder: pathlib.Path, tokenizer: Tokenizer) -> tuple[dict[str, Any], list[str]]:
    """Writes tokenizer.json, or of byte-pair encoding a .model file.

    Returns what tokenizer_config.json says besides, and the files' names.

    Raises ConfigError: a model that neither file can hold; DiskError.
    """
    rules = tokenizer.rules
    assert isinstance(rules, UnigramRules)
    segments = ["token_type_ids"] if tokenizer.template.second_segment else []
    about = {"clean_up_tokenization_spaces": False, "model_input_names": ["input_ids", *segments, "attention_mask"]}
    if rules.model.kind == sp.UNIGRAM:
        around = tokenizer_json.template_processing(tokenizer.template, tokenizer.vocabulary)
        parts = unigram_json.written_tokenizer_json(rules.model, rules.before)
        tokenizer_json.write(folder, tokenizer, {**parts, "post_processor": around})
        return {"tokenizer_class": "PreTrainedTokenizerFast", **about}, ["tokenizer.json"]
    name, file_name, data = _model_file_of(rules, tokenizer)
    with replace_file(folder / file_name, "wb") as file:
        file.write(data)
    return {"tokenizer_class": name, **about}, [file_name]


def _model_file_of(rules: UnigramRules, tokenizer: Tokenizer) -> tuple[str, str, bytes]:
    """The class that numbers pieces as a model of byte-pair encoding has them, its file's name, and the file."""
    template = dataclasses.asdict(tokenizer.template)
    for name, file_name in unigram_files.FILES.items():
        try:
            data = unigram_files.written_model_file(rules.model, name)
            found = unigram_files.read_model_file(data, file_name, name, {})
        except (ConfigError, VocabularyError):
            continue
        if (found.model, found.rules, dict(found.template or {})) == (rules.model, rules.before, template):
            return name, file_name, data
    raise ConfigError(
        f"{tokenizer.vocabulary.source}: a SentencePiece model of byte-pair encoding is saved as a .model file, and no "
        f"class of transformers that tfbert knows ({', '.join(unigram_files.FILES)}) numbers its pieces so"
    )
