"""DistilBertConfig: the sizes of a DistilBERT encoder."""

import dataclasses
import typing
from typing import Any, ClassVar

from tfbert.encoders.config import EncoderConfig
from tfbert.errors import ConfigError

# Constants in DistilBERT's own code. Only a config.json that tfbert wrote may give other values.
_FIXED = {
    "pooler_act": "relu",
    "layer_norm_eps": 1e-12,
    "predictions_act": None,
    "predictions_layer_norm_eps": None,
}
_SHARED = ("vocab_size", "max_position_embeddings", "initializer_range", "pad_token_id", "tie_word_embeddings")


@dataclasses.dataclass(frozen=True)
class DistilBertConfig(EncoderConfig):
    """Sizes and constants of DistilBERT (Sanh et al. 2019), under BERT's names.

    It has no segments. Its pooler here is the dense layer with ReLU before its classifier.

    >>> DistilBertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16).head_size
    4
    """

    pooler_act: str = "relu"

    model_type: ClassVar[str] = "distilbert"
    harmless_keys: ClassVar[tuple[str, ...]] = (
        *("sinusoidal_pos_embds", "tie_weights_", "type_vocab_size", "qa_dropout"),
    )
    other_names: ClassVar[dict[str, str]] = {
        "hidden_size": "dim",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "intermediate_size": "hidden_dim",
        "hidden_act": "activation",
        "hidden_dropout_prob": "dropout",
        "attention_probs_dropout_prob": "attention_dropout",
        "classifier_dropout": "seq_classif_dropout",
    }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> typing.Self:
        # Only files that tfbert wrote have pooler_act. DistilBERT's own code ignores layer_norm_eps of the others.
        fixed = {} if "pooler_act" in values else _FIXED
        if values.get("sinusoidal_pos_embds") and "max_position_embeddings" not in values:
            raise ConfigError("sinusoidal_pos_embds needs max_position_embeddings, which is missing")
        return super().from_dict({**values, **fixed})

    def to_hugging_face(self) -> dict[str, Any]:
        values = self.to_dict()
        theirs = {name: values[ours] for ours, name in self.other_names.items()}
        if self.classifier_dropout is None:  # then the encoder's rate is used, as in BERT
            theirs["seq_classif_dropout"] = self.hidden_dropout_prob
        return {"model_type": self.model_type, **theirs, **{name: values[name] for name in (*_SHARED, *_FIXED)}}
