"""What the formats of other libraries can hold of a BERT, and what those libraries compute differently."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from tfbert.encoders.bert.config import BertConfig
from tfbert.encoders.layers.activations import ACTIVATIONS
from tfbert.errors import ConfigError

_EPSILON = 1e-12  # of all LayerNorms; these formats have no setting for another


@dataclasses.dataclass(frozen=True)
class Target:
    """A format that can hold BERT only.

    Args:
        name: the library's, for messages.
        activations: names of `BertConfig.hidden_act` that it computes.
        heads: those that it has a place for.
    """

    name: str
    activations: Iterable[str]
    heads: tuple[str, ...]

    def fitted(self, weights: Any, config: BertConfig | None = None) -> tuple[BertConfig, dict, list[str]]:
        """What the format can hold of some weights: configuration, {variable: shape}, and sentences on the rest.

        Args:
            weights: a `tfbert.checkpoints.weights.Source`.
            config: the network's configuration as a BERT, if `weights` are of another family. The segment embeddings
                that they lack are then 0.

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
        if not c.tie_word_embeddings:
            heads.discard("predictions")
        if c.pooler_act != "tanh":
            notes.append(f"{name} has no pooler with {c.pooler_act}: it and the heads that read it are left out")
            kept = {variable: shape for variable, shape in kept.items() if not variable.startswith("pooler/")}
            heads -= {"seq_relationship", *([] if kind == "TokenClassification" else ["classifier"])}
        left_out = [head for head in weights.heads() if head not in heads]
        if left_out:
            notes.append(f"{name} has no place for {', '.join(left_out)}: left out")
        kept = {variable: shape for variable, shape in kept.items() if variable.split("/")[0] not in left_out}
        return c, kept, notes
