"""BertConfig: the sizes of a BERT encoder."""

import dataclasses
from typing import Any, ClassVar

from tfbert.encoders.config import EncoderConfig


@dataclasses.dataclass(frozen=True)
class BertConfig(EncoderConfig):
    """Sizes and constants of BERT (Devlin et al. 2018, section 3), under Hugging Face's names.

    Raises:
        ConfigError: a size that is not positive, heads that do not divide the width, an unknown activation.

    >>> BertConfig(hidden_size=128, num_hidden_layers=2, num_attention_heads=2, intermediate_size=512).head_size
    64
    """

    type_vocab_size: int = 2

    model_type: ClassVar[str] = "bert"
    # Of Google's Chinese and multilingual models, whose pooler is BERT's all the same.
    harmless_keys: ClassVar[tuple[str, ...]] = (
        *("directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers"),
        "pooler_size_per_head",
    )
    # Other values are variants of the network that tfbert does not have.
    required_values: ClassVar[dict[str, Any]] = {
        "position_embedding_type": "absolute",
        "pooler_type": "first_token_transform",
        "ln_type": "postln",
    }

    @property
    def dimensions(self) -> dict[str, int]:
        return {**super().dimensions, "T": self.type_vocab_size}

    def to_hugging_face(self) -> dict[str, Any]:
        return {"model_type": self.model_type, "position_embedding_type": "absolute", **self.to_dict()}
