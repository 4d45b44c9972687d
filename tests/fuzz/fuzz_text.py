"""Files of a tokenizer: each is damaged beside others that are sound, and what is read cuts a text."""

from __future__ import annotations

import json
import pathlib
from unittest import mock

import mutations
import small
from fuzzing import Reader

from tfbert.text import Tokenizer, tokenizer_json
from tfbert.text.algorithms.rules import Rules

_TEXT = "The films [MASK] Ünder字 late\x00 [NEW]"


def _folder(folder: pathlib.Path) -> None:
    (folder / "vocab.txt").write_text("\n".join(small.TOKENS) + "\n", encoding="utf-8")


def _read_whole(path: pathlib.Path) -> None:
    tokenizer = Tokenizer.from_folder(path.parent)
    tokenizer([_TEXT])
    Tokenizer.from_config(json.loads(json.dumps(tokenizer.get_config())))


def _read(path: pathlib.Path) -> None:
    """Without TensorFlow's operations, which take half a second to make."""
    with mock.patch.multiple("tfbert.text.tokenizer", WordPiece=mock.DEFAULT, PartMaker=mock.DEFAULT):
        Tokenizer.from_folder(path.parent)


def _read_alone(path: pathlib.Path) -> None:
    """tokenizer.json without the others."""
    (path.parent / "vocab.txt").unlink(missing_ok=True)
    _read(path)


def _fast(folder: pathlib.Path) -> list[bytes]:
    _folder(folder)
    own, other = folder / "own", folder / "other"
    tokenizer = Tokenizer.from_folder(folder)
    rules = Rules(
        {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}, {"type": "Replace", "pattern": {"String": "a"}, "content": "b"},
                                             {"type": "Lowercase"}, {"type": "Strip", "strip_left": True, "strip_right": True}]},
        {"type": "Sequence", "pretokenizers": [{"type": "Whitespace"}, {"type": "Punctuation", "behavior": "Isolated"},
                                               {"type": "Digits", "individual_digits": True}]},
    )  # fmt: skip
    found = []
    for path, made in ((own, Rules.of_flags(True, None, True)), (other, rules)):
        path.mkdir()
        tokenizer_json.write(path, Tokenizer(tokenizer.vocabulary, rules=made))
        values = json.loads((path / "tokenizer.json").read_text())
        values["truncation"] = {"direction": "Right", "max_length": 16, "strategy": "LongestFirst", "stride": 0}
        values["padding"] = {"strategy": "BatchLongest", "pad_token": "[PAD]", "pad_id": 0}
        found.append(json.dumps(values).encode())
    roberta = json.loads(found[0]) | {
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}
    }
    return [*found, json.dumps(roberta).encode()]


def _vocabulary(folder: pathlib.Path) -> list[bytes]:
    return ["\n".join(small.TOKENS).encode(), "\r\n".join([*small.TOKENS, ""]).encode()]


def _beside(*values):
    """Contents of a JSON file beside vocab.txt."""

    def seeds(folder: pathlib.Path) -> list[bytes]:
        _folder(folder)
        return [json.dumps(value).encode() for value in values]

    return seeds


READERS = {
    "tokenizer_json": Reader("tokenizer.json", _fast, _read_alone, mutations.of_json),
    # the reader above, which has read 10,000, and one comparison with vocab.txt
    "tokenizer_json_and_vocabulary": Reader("tokenizer.json", _fast, _read, mutations.of_json, count=2000),
    "tokenizer_config": Reader(
        "tokenizer_config.json", _beside(small.TOKENIZER_CONFIG, {"max_len": 16}), _read, mutations.of_json
    ),
    "special_tokens_map": Reader(
        "special_tokens_map.json",
        _beside(
            {"unk_token": "[UNK]", "additional_special_tokens": ["[MASK]"]},
            {"cls_token": {"content": "[CLS]", "lstrip": False}, "extra_special_tokens": {"image": "film"}},
        ),
        _read,
        mutations.of_json,
    ),
    "added_tokens": Reader(
        "added_tokens.json", _beside({"[NEW]": 13, "far": 20}, {"the": 5}), _read, mutations.of_json
    ),
    "vocabulary": Reader("vocab.txt", _vocabulary, _read, mutations.of_lines),
    # each makes TensorFlow's operations for the tokenizer, twice: a second for an input
    "whole_tokenizer_json": Reader("tokenizer.json", _fast, _read_whole, mutations.of_json, count=100),
    "whole_vocabulary": Reader("vocab.txt", _vocabulary, _read_whole, mutations.of_lines, count=100),
}
