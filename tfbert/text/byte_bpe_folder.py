"""A folder of a byte-level BPE tokenizer: tokenizer.json, or vocab.json and merges.txt; read and written."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from absl import logging

from tfbert.errors import ConfigError, VocabularyError
from tfbert.files import read_json_object, replace_file, replace_json
from tfbert.text import added_tokens, byte_bpe_json, tokenizer_config, tokenizer_json
from tfbert.text.algorithms.byte_bpe_model import check_merges
from tfbert.text.algorithms.byte_bpe_rules import ByteBpeRules
from tfbert.text.special_tokens import ANGLE_TOKENS, AddedToken, SpecialTokens
from tfbert.text.template import Template
from tfbert.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from tfbert.text.tokenizer import Tokenizer

VOCABULARY, MERGES = "vocab.json", "merges.txt"
_VERSION = "#version"  # begins the first line of merges.txt
# Classes whose rules no file states: with special tokens around texts, and without.
_WITH_ENDS = ("RobertaTokenizer", "LongformerTokenizer", "BartTokenizer", "LEDTokenizer")
_WITHOUT_ENDS = ("GPT2Tokenizer",)
_END_OF_TEXT = "<|endoftext|>"
# What a special token is called where no file says it; the first that the vocabulary has.
_NAMES = {
    "start": ("cls_token", "bos_token", "<s>", "[CLS]", _END_OF_TEXT),
    "separator": ("sep_token", "eos_token", "</s>", "[SEP]", _END_OF_TEXT),
    "padding": ("pad_token", "<pad>", "[PAD]", "<|padding|>", "eos_token", _END_OF_TEXT),
    "unknown": ("unk_token", "<unk>", "[UNK]", "eos_token", _END_OF_TEXT),
    "mask": ("mask_token", "<mask>", "[MASK]"),
}


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
    if fast is not None:
        vocabulary = byte_bpe_json.read_vocabulary(fast, path)
        rules, template = byte_bpe_json.read_rules(fast, path), byte_bpe_json.read_template(fast, path)
        rules = _as_stated(rules, config, path)
        if (fast["model"].get("unk_token")) is not None:
            names = {**names, "unk_token": fast["model"]["unk_token"]}
        if not names.get("pad_token"):
            names = {**names, "pad_token": (fast.get("padding") or {}).get("pad_token")}
        names = _with_ends(names, template, vocabulary)
    else:
        vocabulary = read_files(folder)
        rules, template = _of_class(config, vocabulary, config_path), None
    names = {key: value for key, value in names.items() if key.endswith(("_token", "_tokens")) and value}
    given = {key: added_tokens.content(value) for key, value in names.items() if key.endswith("_token")}
    stated = SpecialTokens(
        **{name: given[keys[0]] for name, keys in _NAMES.items() if isinstance(given.get(keys[0]), str)}
    )
    files = added_tokens.Files(folder, fast or {}, config, names)
    vocabulary, added = added_tokens.read(files, vocabulary, stated, keeps_white_space=False)
    special = _special_tokens(given, vocabulary, config_path)
    added = _with_flags(added, names, vocabulary)
    if fast is None and special.mask in vocabulary and special.mask not in {token.content for token in added}:
        added.append(AddedToken(special.mask, special=True, lstrip=True))  # as the classes of transformers 4 made it
    if template is None:
        with_ends = rules is not None and rules.trim_offsets
        template = Template.two_separators(vocabulary, special) if with_ends else Template((), (), (), 0)
    if not tokenizer_config.has_segments(config):
        template = Template(template.before, template.between, template.after, 0)
    plain = {AddedToken(name, special=True) for name in special}
    settings: dict[str, Any] = {
        "rules": rules,
        "template": template,
        "special_tokens": special,
        "added_tokens": [token for token in added if token not in plain],
    }
    if (length := tokenizer_config.max_length(config)) is not None:
        settings["max_length"] = length
    return vocabulary, settings


def read_files(folder: pathlib.Path) -> Vocabulary:
    """Returns the Vocabulary of vocab.json and merges.txt. Raises VocabularyError, naming file and line."""
    path, merges_path = folder / VOCABULARY, folder / MERGES
    ids = read_json_object(path, VocabularyError)
    try:
        lines = merges_path.read_bytes().decode("utf-8").split("\n")
    except FileNotFoundError as error:
        raise VocabularyError(f"there is no {merges_path} beside {VOCABULARY}") from error
    except UnicodeDecodeError as error:
        number = error.object[: error.start].count(b"\n") + 1
        raise VocabularyError(f"{merges_path}, line {number}: not UTF-8") from error
    except OSError as error:
        raise VocabularyError(f"cannot read {merges_path}: {error.strerror or error}") from error
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


def _with_ends(names: Mapping[str, Any], template: Template, vocabulary: Vocabulary) -> dict[str, Any]:
    """The names of special tokens, with those that the template alone says."""
    found = dict(names)
    for keys, ids in ((("cls_token", "bos_token"), template.before), (("sep_token", "eos_token"), template.after)):
        if ids and ids[0] < len(vocabulary) and not any(names.get(key) for key in keys):
            found[keys[0]] = vocabulary.tokens[ids[0]]
    return found


def _special_tokens(given: Mapping[str, Any], vocabulary: Vocabulary, path: pathlib.Path) -> SpecialTokens:
    """Special tokens by the keys of files, and by their usual names where no key tells."""
    found = {}
    for name, candidates in _NAMES.items():
        key = candidates[0]
        if given.get(key):
            if not isinstance(given[key], str):
                raise ConfigError(f"{path}: {key} must be a text, not {given[key]!r:.40}")
            found[name] = given[key]
            continue
        named = [given.get(each) if each.endswith("_token") else each for each in candidates[1:]]
        usual = [token for token in named if isinstance(token, str) and token in vocabulary]
        if usual:
            found[name] = usual[0]
    guessed = [f"{name} {token}" for name, token in found.items() if not given.get(_NAMES[name][0])]
    if guessed:
        logging.info("%s: special tokens that it does not name are taken to be: %s", path, ", ".join(guessed))
    return SpecialTokens(**{**vars(ANGLE_TOKENS), **found})


def _with_flags(added: Sequence[AddedToken], names: Mapping[str, Any], vocabulary: Vocabulary) -> list[AddedToken]:
    """Added tokens, with the special ones that a key describes by an object of flags."""
    found = {token.content: token for token in added}
    for value in names.values():
        token = added_tokens.content(value)
        if isinstance(value, Mapping) and isinstance(token, str) and token in vocabulary and token not in found:
            flags = {name: bool(value.get(name, False)) for name in ("normalized", "lstrip", "rstrip")}
            found[token] = AddedToken(token, special=True, **flags)
    return list(found.values())


def write(folder: pathlib.Path, tokenizer: Tokenizer, rules: ByteBpeRules) -> dict[str, Any]:
    """Writes vocab.json, merges.txt and tokenizer.json; returns what tokenizer_config.json says besides.

    Raises VocabularyError: a merge that is no line of merges.txt; DiskError.
    """
    vocabulary = tokenizer.vocabulary
    for number, pair in enumerate(vocabulary.merges):
        if any(not part or not part.isprintable() or " " in part for part in pair):
            raise VocabularyError(f"merge {number:,}, {pair!r:.80}, has white space and cannot be a line of {MERGES}")
    replace_json(folder / VOCABULARY, {token: vocabulary[token] for token in vocabulary if token})
    with replace_file(folder / MERGES, "wb") as file:
        lines = [f"{_VERSION}: 0.2", *(" ".join(pair) for pair in vocabulary.merges)]
        file.write("".join(f"{line}\n" for line in lines).encode("utf-8"))
    tokenizer_json.write(folder, tokenizer, byte_bpe_json.parts(tokenizer, rules))
    inputs = ["input_ids", *(["token_type_ids"] if tokenizer.template.second_segment else []), "attention_mask"]
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_prefix_space": rules.add_prefix_space,
        "clean_up_tokenization_spaces": False,
        "model_input_names": inputs,
    }
