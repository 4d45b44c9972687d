"""A folder of a byte-level BPE tokenizer: tokenizer.json, or vocab.json and merges.txt; read and written."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from absl import logging

from tfbert.errors import ConfigError, VocabularyError
from tfbert.files import read_json_object, replace_file, replace_json
from tfbert.text import added_tokens, byte_bpe_json, special_names, tokenizer_json
from tfbert.text.algorithms.byte_bpe_model import check_merges
from tfbert.text.algorithms.byte_bpe_rules import ByteBpeRules
from tfbert.text.special_tokens import ANGLE_TOKENS, AddedToken
from tfbert.text.template import Template
from tfbert.text.vocabulary import Vocabulary, lines_of

if TYPE_CHECKING:
    from tfbert.text.tokenizer import Tokenizer

VOCABULARY, MERGES = "vocab.json", "merges.txt"
_VERSION = "#version"  # begins the first line of merges.txt
# Classes whose rules no file states: with special tokens around texts, and without.
_WITH_ENDS = ("RobertaTokenizer", "LongformerTokenizer", "BartTokenizer", "LEDTokenizer")
_WITHOUT_ENDS = ("GPT2Tokenizer",)


def is_one(folder: pathlib.Path, fast: Mapping[str, Any] | None) -> bool:
    """Whether a folder is of byte-pair encoding; `fast` is its tokenizer.json."""
    if fast is not None:
        return byte_bpe_json.holds(fast)
    return not (folder / "vocab.txt").exists() and (folder / VOCABULARY).exists()


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
    path, config_path = folder / "tokenizer.json", folder / "tokenizer_config.json"
    of_class: list[AddedToken] = []
    if fast is not None:
        vocabulary = byte_bpe_json.read_vocabulary(fast, path)
        rules, template = byte_bpe_json.read_rules(fast, path), byte_bpe_json.read_template(fast, path)
        rules = _as_stated(rules, config, path)
        names = special_names.of_fast(fast, names, fast["model"].get("unk_token"))
        names = special_names.of_template(names, template, vocabulary)
    else:
        vocabulary = read_files(folder)
        rules, template = _of_class(config, vocabulary, config_path), None
        # as the classes of transformers 4 made it
        mask = added_tokens.content(names.get("mask_token")) or ANGLE_TOKENS.mask
        of_class = [AddedToken(mask, special=True, lstrip=True)]
    files = added_tokens.Files(folder, fast or {}, config, names)
    vocabulary, special, added = special_names.read(files, vocabulary, ANGLE_TOKENS, of_class)
    if template is None:
        template = Template.two_separators(vocabulary, special) if rules.trim_offsets else Template((), (), (), 0)
    return vocabulary, special_names.settings(rules, template, special, added, config)


def read_files(folder: pathlib.Path, name: str = VOCABULARY) -> Vocabulary:
    """Returns the Vocabulary of vocab.json, or of a file of another name, and merges.txt.

    Raises VocabularyError, naming file and line.
    """
    path, merges_path = folder / name, folder / MERGES
    ids = read_json_object(path, VocabularyError)
    if not merges_path.exists():
        raise VocabularyError(f"there is no {merges_path} beside {name}")
    lines = lines_of(merges_path, "merges")
    merges, numbers = [], []
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\r")
        if not line or line.startswith(_VERSION):
            continue
        pair = line.split(" ")
        if len(pair) != 2 or not all(pair):
            raise VocabularyError(f"{merges_path}, line {number}: {line!r:.60} is not two tokens with a space between")
        merges.append((pair[0], pair[1]))
        numbers.append(number)
    check_merges(merges, ids, lambda i: f"{merges_path}, line {numbers[i]}:", str(path))
    return Vocabulary(tokenizer_json.tokens_of(ids, path), path, merges)


def _as_stated(rules: ByteBpeRules, config: Mapping[str, Any], path: pathlib.Path) -> ByteBpeRules:
    """The rules with what tokenizer_config.json states instead, where its class reads that."""
    stated = config.get("add_prefix_space")
    if not isinstance(stated, bool) or stated == rules.add_prefix_space:
        return rules
    counts = _class(config) in _WITH_ENDS + _WITHOUT_ENDS
    logging.warning(
        "%s and tokenizer_config.json disagree: add_prefix_space is %s and %s; %s counts",
        *(path, rules.add_prefix_space, stated, "tokenizer_config.json" if counts else "tokenizer.json"),
    )
    return ByteBpeRules(**{**rules.to_json(), "add_prefix_space": stated}) if counts else rules


def _class(config: Mapping[str, Any]) -> str:
    return str(config.get("tokenizer_class") or "").removesuffix("Fast")


def _of_class(config: Mapping[str, Any], vocabulary: Vocabulary, path: pathlib.Path) -> ByteBpeRules:
    """The rules of a class of Hugging Face's, which has them in its code."""
    name = _class(config)
    if not name:
        has_ends = {ANGLE_TOKENS.start, ANGLE_TOKENS.separator} <= set(vocabulary)
        name = (_WITH_ENDS if has_ends else _WITHOUT_ENDS)[0]
        logging.info("%s: no tokenizer_class says the rules of %s; those of %s are taken", path, VOCABULARY, name)
    if name not in _WITH_ENDS + _WITHOUT_ENDS:
        raise ConfigError(
            f"{path}: the rules of tokenizer_class {name!r:.40} are in no file; tfbert knows those of "
            f"{', '.join(_WITH_ENDS + _WITHOUT_ENDS)}: save the folder with transformers, which writes tokenizer.json"
        )
    prefix, trims = config.get("add_prefix_space", False), name in _WITH_ENDS
    return ByteBpeRules(
        add_prefix_space=prefix,
        trim_offsets=config.get("trim_offsets", True) if trims else False,
        trim_keeps_first_space=prefix and trims,
    )


def write(folder: pathlib.Path, tokenizer: Tokenizer) -> tuple[dict[str, Any], list[str]]:
    """Writes vocab.json, merges.txt and tokenizer.json.

    Returns what tokenizer_config.json says besides, and the files' names.

    Raises VocabularyError: a merge that is no line of merges.txt; DiskError.
    """
    vocabulary, rules = tokenizer.vocabulary, tokenizer.rules
    assert isinstance(rules, ByteBpeRules)
    write_files(folder, vocabulary)
    tokenizer_json.write(folder, tokenizer, byte_bpe_json.parts(tokenizer, rules))
    inputs = ["input_ids", *(["token_type_ids"] if tokenizer.template.second_segment else []), "attention_mask"]
    about = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_prefix_space": rules.add_prefix_space,
        "clean_up_tokenization_spaces": False,
        "model_input_names": inputs,
    }
    return about, [VOCABULARY, MERGES, "tokenizer.json"]


def write_files(folder: pathlib.Path, vocabulary: Vocabulary, name: str = VOCABULARY) -> None:
    """Writes vocab.json, or a file of another name, and merges.txt. Raises VocabularyError, DiskError."""
    for number, pair in enumerate(vocabulary.merges):
        if any(not part or not part.isprintable() or " " in part for part in pair):
            raise VocabularyError(f"merge {number:,}, {pair!r:.80}, has white space and cannot be a line of {MERGES}")
    replace_json(folder / name, {token: vocabulary[token] for token in vocabulary if token})
    with replace_file(folder / MERGES, "wb") as file:
        lines = [f"{_VERSION}: 0.2", *(" ".join(pair) for pair in vocabulary.merges)]
        file.write("".join(f"{line}\n" for line in lines).encode("utf-8"))
