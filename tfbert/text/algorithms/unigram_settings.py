"""The settings of a SentencePiece tokenizer in one object, as a `Tokenizer` keeps its algorithm's."""

from __future__ import annotations

import base64
import binascii
import dataclasses
from typing import Any

from tfbert.errors import ConfigError
from tfbert.text.algorithms import sentencepiece_model as sp
from tfbert.text.algorithms.sentencepiece_model import SentencePieceModel
from tfbert.text.algorithms.unigram_rules import SentencePieceRules


@dataclasses.dataclass(frozen=True)
class UnigramRules:
    """A SentencePiece model and what happens to texts before it.

    Args:
        model: a SentencePieceModel, or the base64 of a .model file, as `to_json` gives it.
        before: `SentencePieceRules`, or their arguments.

    Raises ConfigError or VocabularyError: a model that is none.

    >>> pieces = (sp.Piece(b"<unk>", 0.0, sp.UNKNOWN), sp.Piece("▁".encode(), -1.0))
    >>> rules = UnigramRules(SentencePieceModel(pieces))
    >>> UnigramRules(**rules.to_json()) == rules
    True
    """

    model: SentencePieceModel
    before: SentencePieceRules = dataclasses.field(default_factory=SentencePieceRules)

    def __post_init__(self) -> None:
        if isinstance(self.model, str):
            try:
                data = base64.b64decode(self.model, validate=True)
            except (ValueError, binascii.Error) as error:
                raise ConfigError(f"the configuration's SentencePiece model is not base64: {error}") from None
            object.__setattr__(self, "model", sp.read(data, "the configuration's SentencePiece model"))
        if isinstance(self.before, dict):
            object.__setattr__(self, "before", SentencePieceRules(**self.before))

    def lowered(self) -> UnigramRules:
        """Returns these rules for texts that are lower-cased before anything else."""
        steps = self.before.steps
        if any(step["type"] == "Lowercase" for step in steps):
            return self
        before = dataclasses.replace(self.before, steps=({"type": "Lowercase"}, *steps))
        return dataclasses.replace(self, before=before)

    def to_json(self) -> dict[str, Any]:
        """Returns the arguments as plain JSON values."""
        return {
            "model": base64.b64encode(sp.write(self.model)).decode("ascii"),
            "before": self.before.to_json(),
        }
