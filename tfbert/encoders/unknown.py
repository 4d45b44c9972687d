"""Families that tfbert does not have. They are refused by name, before a missing tensor gives a vaguer error."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable
from typing import Any

from tfbert.errors import CheckpointError

# model_type -> its name, and how it differs.
MODELS = {
    "deberta": ("DeBERTa-v1", "its attention has projections of its own for distances"),
    "neobert": ("NeoBERT", "its layers have RMSNorm, and pairs of numbers side by side are turned by its positions"),
    "mobilebert": ("MobileBERT", "it has bottlenecks between its layers"),
    "convbert": ("ConvBERT", "it has convolutions in its attention"),
    "big_bird": ("BigBird", "its attention is sparse"),
    "funnel": ("Funnel Transformer", "it shortens the text between its layers"),
    "squeezebert": ("SqueezeBERT", "its layers are grouped convolutions"),
    "xlnet": ("XLNet", "it is not a masked language model"),
    "bert-generation": ("BertGeneration", "it has no segments and no pooler"),
}
# Files that only these families have, for folders whose config.json names no family.
_FILES = {
    "albert_config.json": "albert",
    "spiece.model": "albert",
    "sentencepiece.bpe.model": "xlm-roberta",
    "merges.txt": "roberta",
}


def refuse(folder: Any, values: dict[str, Any] | None = None, known: Iterable[str] = ()) -> None:
    """Raises CheckpointError if a folder holds a family that tfbert does not have, or only seems to hold one.

    Args:
        values: the object of its config.json, if it has one.
        known: every model_type that tfbert has, registered ones too.
    """
    folder, known = pathlib.Path(folder), tuple(known)
    kind = (values or {}).get("model_type")
    is_named = kind is not None
    if not is_named:
        kind = _by_class(values or {}, known) or next(
            (kind for name, kind in _FILES.items() if (folder / name).exists()), None
        )
    if isinstance(kind, str) and kind in MODELS and kind not in known:
        name, why = MODELS[kind]
        raise CheckpointError(f"{folder} is {name}, which tfbert does not read: {why}")
    if not is_named and kind not in (None, "bert"):
        raise CheckpointError(
            f"{folder} looks like a model of {kind}, which only a config.json with its model_type is read as; write "
            f'"model_type": "{kind}" into it, beside its sizes'
        )


def _by_class(values: dict[str, Any], known: tuple[str, ...]) -> str | None:
    """The model_type of the class in `architectures`."""
    names = values.get("architectures")
    if not isinstance(names, list) or not names:
        return None
    plain = {kind.replace("-", "").replace("_", ""): kind for kind in (*MODELS, *known)}
    start = str(names[0]).split("For")[0].removesuffix("Model").lower()
    return plain.get(start)
