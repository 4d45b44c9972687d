"""SentencePiece's .model files of checkpoints, read and written: each class of transformers numbers them its own way.

Source: transformers, convert_slow_tokenizer.py: how a class numbers tokens, and what it does to texts before its
model does.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfbert.errors import ConfigError, VocabularyError
from tfbert.text.algorithms import sentencepiece_model as sp
from tfbert.text.algorithms.sentencepiece_model import Piece, SentencePieceModel
from tfbert.text.algorithms.unigram_rules import SentencePieceRules

FAIRSEQ = "XLMRobertaTokenizer"  # the class that numbers pieces as fairseq does
# class -> its .model file, and the model_type of a config.json whose tokenizer it is unless one is named
FILES = {
    FAIRSEQ: "sentencepiece.bpe.model",
    "CamembertTokenizer": "sentencepiece.bpe.model",
    "AlbertTokenizer": "spiece.model",
    "DebertaV2Tokenizer": "spm.model",
}
CLASSES = {
    "xlm-roberta": FAIRSEQ,
    "camembert": "CamembertTokenizer",
    "albert": "AlbertTokenizer",
    "deberta-v2": "DebertaV2Tokenizer",
}
MODEL_FILES = (*dict.fromkeys(FILES.values()), "sentencepiece.model")
_NAMES = {"unknown": "<unk>", "start": "<s>", "separator": "</s>", "padding": "<pad>", "mask": "<mask>"}
_GOOGLE = {"unknown": "<unk>", "start": "[CLS]", "separator": "[SEP]", "padding": "<pad>", "mask": "[MASK]"}
_MICROSOFT = {**_GOOGLE, "unknown": "[UNK]", "padding": "[PAD]"}


@dataclasses.dataclass(frozen=True)
class SentencePieceFiles:
    """What a checkpoint's files say of a SentencePiece tokenizer, for `Unigram` and the tokenizer around it.

    Args:
        model: the model, whose pieces are the tokens by their ids in the checkpoint.
        rules: what happens to texts before.
        special_tokens: arguments of SpecialTokens.
        added_tokens: {"content", "special", "normalized", "lstrip", "rstrip"} of each token that texts spell out
            besides the special ones, or otherwise than these: the mask takes the spaces before it.
        template: arguments of Template; None where the files leave it open.
    """

    model: SentencePieceModel
    rules: SentencePieceRules
    special_tokens: Mapping[str, str] = dataclasses.field(default_factory=dict)
    added_tokens: Sequence[Mapping[str, Any]] = ()
    template: Mapping[str, Any] | None = None

    @property
    def tokens(self) -> list[str]:
        """The tokens of the vocabulary."""
        return [piece.text.decode("utf-8") for piece in self.model.pieces]


def read_model_file(
    data: bytes, source: str | os.PathLike[str], tokenizer_class: str, config: Mapping[str, Any]
) -> SentencePieceFiles:
    """Returns what a .model file says, numbered as a class of transformers does.

    Args:
        data: the file's bytes.
        source: its name, for messages.
        tokenizer_class: as tokenizer_config.json has it, with or without "Fast".
        config: the object of tokenizer_config.json.

    Raises VocabularyError: a damaged file, by name and byte; ConfigError: a class or a setting that tfbert does not
    have.
    """
    name = tokenizer_class.removesuffix("Fast")
    if name not in _LAYOUTS:
        raise ConfigError(
            f"{source}: tfbert does not know how {name or 'its tokenizer'} numbers the pieces of a .model file; "
            f"it knows {', '.join(_LAYOUTS)}, and the tokenizer.json of any"
        )
    return _LAYOUTS[name](sp.read(data, source), source, config)


def read_plain_model_file(data: bytes, source: str | os.PathLike[str]) -> SentencePieceFiles:
    """Returns what a .model file says of itself: its own numbers, with a mask after them if it has none.

    Raises VocabularyError: a damaged file, or one without special tokens in brackets.
    """
    model = sp.read(data, source)
    padding = next((name for name in ("<pad>", "[PAD]") if name.encode() in (p.text for p in model.pieces)), "[PAD]")
    return _in_brackets(
        _with_mask(model), source, SentencePieceRules(splits_white_space=False), {**_GOOGLE, "padding": padding}
    )


def written_model_file(model: SentencePieceModel, tokenizer_class: str) -> bytes:
    """Returns the .model file that a class of transformers numbers as `model` is: the inverse of `read_model_file`.

    Raises ConfigError: a class that tfbert does not know.
    """
    name = tokenizer_class.removesuffix("Fast")
    if name not in _LAYOUTS:
        raise ConfigError(
            f"tfbert does not know how {name} numbers a SentencePiece model; it knows {', '.join(_LAYOUTS)}"
        )
    if name in _FIRST:
        begin, first = _FIRST[name]
        pieces = first + model.pieces[begin:-1]
        return sp.write(dataclasses.replace(model, pieces=pieces, unk_id=0, bos_id=1, eos_id=2, pad_id=-1))
    return sp.write(model)


def _fairseq(
    model: SentencePieceModel, source: str | os.PathLike[str], config: Mapping[str, Any]
) -> SentencePieceFiles:
    _check_first(model, source, 3)
    names = ("<s>", "<pad>", "</s>", "<unk>")
    pieces = (*_named(names), *model.pieces[3:], _control("<mask>"))
    return _as_fairseq(_numbered(model, pieces, 3), 0, 2)


def _with_unused(
    model: SentencePieceModel, source: str | os.PathLike[str], config: Mapping[str, Any]
) -> SentencePieceFiles:
    _check_first(model, source, 1)
    names = ("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED")
    pieces = (*_named(names), *model.pieces[1:], _control("<mask>"))
    texts = [piece.text for piece in pieces]
    missing = [name for name in ("<s>", "</s>") if name.encode() not in texts]
    if missing:
        raise VocabularyError(f"{source} lacks {', '.join(missing)}")
    found = _as_fairseq(_numbered(model, pieces, 3), texts.index(b"<s>"), texts.index(b"</s>"))
    unused = [_added(name) for name in names if name.endswith("NOTUSED")]
    return dataclasses.replace(found, added_tokens=(*unused, *found.added_tokens))


def _as_fairseq(model: SentencePieceModel, start: int, end: int) -> SentencePieceFiles:
    template = {"before": (start,), "between": (end, end), "after": (end,), "second_segment": 0}
    return SentencePieceFiles(model, SentencePieceRules(), _NAMES, (_added("<mask>", lstrip=True),), template)


def _google(model: SentencePieceModel, source: str | os.PathLike[str], config: Mapping[str, Any]) -> SentencePieceFiles:
    steps = [] if config.get("keep_accents", False) else [{"type": "NFKD"}, {"type": "StripAccents"}]
    steps += [{"type": "Lowercase"}] if config.get("do_lower_case", True) else []
    # "2," of "2,000" is taken apart, as its authors' own tokenizer does afterwards.
    pieces = [
        piece._replace(score=piece.score - 100) if piece.text[-1:] == b"," and piece.text[-2:-1].isdigit() else piece
        for piece in model.pieces
    ]
    model = dataclasses.replace(model, pieces=tuple(pieces))
    return _in_brackets(model, source, SentencePieceRules(tuple(steps), quotes=True), _GOOGLE)


def _microsoft(
    model: SentencePieceModel, source: str | os.PathLike[str], config: Mapping[str, Any]
) -> SentencePieceFiles:
    if config.get("split_by_punct"):
        raise ConfigError(f"{source}: split_by_punct of tokenizer_config.json, which tfbert does not have")
    steps = ({"type": "Lowercase"},) if config.get("do_lower_case") else ()
    return _in_brackets(_with_mask(model), source, SentencePieceRules(steps, splits_white_space=False), _MICROSOFT)


def _with_mask(model: SentencePieceModel) -> SentencePieceModel:
    if b"[MASK]" in (piece.text for piece in model.pieces):
        return model
    return dataclasses.replace(model, pieces=(*model.pieces, _control("[MASK]")))


def _in_brackets(
    model: SentencePieceModel, source: str | os.PathLike[str], rules: SentencePieceRules, names: Mapping[str, str]
) -> SentencePieceFiles:
    takes_spaces = names is _GOOGLE
    texts = [piece.text for piece in model.pieces]
    unknown = texts[model.unk_id].decode("utf-8")
    names = {**names, "unknown": unknown}
    missing = [name for name in names.values() if name.encode() not in texts]
    if missing:
        raise VocabularyError(f"{source} lacks {', '.join(missing)}")
    start, end = texts.index(names["start"].encode()), texts.index(names["separator"].encode())
    template = {"before": (start,), "between": (end,), "after": (end,), "second_segment": 1}
    return SentencePieceFiles(model, rules, names, (_added(names["mask"], lstrip=takes_spaces),), template)


_Layout = Callable[[SentencePieceModel, "str | os.PathLike[str]", Mapping[str, Any]], SentencePieceFiles]
_LAYOUTS: dict[str, _Layout] = {
    FAIRSEQ: _fairseq,
    "CamembertTokenizer": _with_unused,
    "AlbertTokenizer": _google,
    "DebertaV2Tokenizer": _microsoft,
}
_UNKNOWN = (Piece(b"<unk>", 0.0, sp.UNKNOWN),)
# of those that number pieces anew: the first piece of the file's own, and what stands before it there
_FIRST: dict[str, tuple[int, tuple[Piece, ...]]] = {
    FAIRSEQ: (4, (*_UNKNOWN, Piece(b"<s>", 0.0, sp.CONTROL), Piece(b"</s>", 0.0, sp.CONTROL))),
    "CamembertTokenizer": (5, _UNKNOWN),
}


def _check_first(model: SentencePieceModel, source: str | os.PathLike[str], count: int) -> None:
    """Raises VocabularyError: a model that does not begin with <unk>, <s> and </s>, of which some get new numbers."""
    expected = (b"<unk>", b"<s>", b"</s>")[:count]
    found = tuple(piece.text for piece in model.pieces[:count])
    if found != expected or model.unk_id != 0:
        some = ", ".join(text.decode("utf-8") for text in found)
        names = ", ".join(text.decode("utf-8") for text in expected)
        raise VocabularyError(f"{source} begins with {some}; such a model begins with {names}")


def _numbered(model: SentencePieceModel, pieces: Sequence[Piece], unknown: int) -> SentencePieceModel:
    return dataclasses.replace(model, pieces=tuple(pieces), unk_id=unknown, bos_id=-1, eos_id=-1, pad_id=-1)


def _named(names: Sequence[str]) -> list[Piece]:
    return [_UNKNOWN[0] if name == "<unk>" else _control(name) for name in names]


def _control(name: str) -> Piece:
    return Piece(name.encode("utf-8"), 0.0, sp.CONTROL)


def _added(name: str, lstrip: bool = False) -> dict[str, Any]:
    return {"content": name, "special": True, "normalized": False, "lstrip": lstrip, "rstrip": False}
