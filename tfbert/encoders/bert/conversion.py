"""What of a BERT has a place in the formats of other libraries, and what these compute otherwise."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from tfbert.encoders.bert.config import BertConfig
from tfbert.encoders.layers.activations import ACTIVATIONS
from tfbert.errors import ConfigError

_EPSILON = 1e-12  # of all LayerNorms, which these formats have no setting for


@dataclasses.dataclass(frozen=True)
class Target:
    """A format that holds BERT alone.

    Args:
        name: as people call the library.
        activations: names of `BertConfig.hidden_act` that it computes.
        heads: those that it has a place for.
        is_preset: whether it is KerasHub's: one head at most, which classifies whole texts, or fills masks by GELU.
    """

    name: str
    activations: Iterable[str]
    heads: tuple[str, ...]
    is_preset: bool = False

    def fitted(self, weights: Any, config: BertConfig | None = None) -> tuple[BertConfig, dict, list[str]]:
        """What the format has of some weights: its configuration, {variable: shape}, and sentences on the rest.

        Args:
            weights: a `tfbert.checkpoints.weights.Source`.
            config: of the same network as BERT, where `weights` are of another family; segments, which they lack,
                are 0 then.

        Raises ConfigError: a network that the format does not have.
        """
        c, name, notes = config or weights.config, self.name, []
        kept, heads = dict(weights.shapes), set(self.heads)
        if config is not None:
            kept["embeddings/segment/embeddings"] = (c.type_vocab_size, c.hidden_size)
        if ACTIVATIONS[c.hidden_act] not in {ACTIVATIONS[activation] for activation in self.activations}:
            if not ACTIVATIONS[c.hidden_act].startswith("gelu"):
                raise ConfigError(f"{name} has no network with the activation {c.hidden_act}")
            notes.append(
                f"{name} computes GELU by tanh, this checkpoint by erf: outputs differ in the third or fourth digit"
            )
        if c.layer_norm_eps != _EPSILON:
            notes.append(f"{name} computes LayerNorm with epsilon {_EPSILON}, this checkpoint with {c.layer_norm_eps}")
        kind = weights.hugging_face_head()
        if self.is_preset and kind in ("TokenClassification", "MultipleChoice"):
            heads.discard("classifier")
        if not c.tie_word_embeddings:
            heads.discard("predictions")
        if c.pooler_act != "tanh":
            notes.append(f"{name} has no pooler with {c.pooler_act}: it is left out, with what reads it")
            kept = {variable: shape for variable, shape in kept.items() if not variable.startswith("pooler/")}
            heads -= {"seq_relationship", *([] if kind == "TokenClassification" else ["classifier"])}
        if self.is_preset and "classifier" in heads.intersection(weights.heads()):
            heads.discard("predictions")
        left_out = [head for head in weights.heads() if head not in heads]
        if left_out:
            notes.append(f"{name} has no place for {', '.join(left_out)}: left out")
        kept = {variable: shape for variable, shape in kept.items() if variable.split("/")[0] not in left_out}
        fills_masks = any(variable.startswith("predictions/") for variable in kept)
        if self.is_preset and fills_masks and c.predictions_act != "gelu":
            notes.append(f"{name}'s masked language model has GELU by erf and epsilon 1e-5 in its head: logits differ")
        return c, kept, notes
