"""MPNetConfig: the sizes of an MPNet encoder."""

import dataclasses
from typing import Any, ClassVar

from tfbert.encoders.config import EncoderConfig
from tfbert.encoders.layers.relative_bias import BUCKETS
from tfbert.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class MPNetConfig(EncoderConfig):
    """Sizes and constants of MPNet (Song et al. 2020), under Hugging Face's names.

    The first two rows of the position table are no token's: of 514 rows 512 are for tokens.

    >>> MPNetConfig().max_tokens
    512
    """

    vocab_size: int = 30527
    max_position_embeddings: int = 514
    pad_token_id: int = 1
    layer_norm_eps: float = 1e-5
    predictions_act: str | None = "gelu"

    model_type: ClassVar[str] = "mpnet"
    # Constants in MPNet's own code.
    required_values: ClassVar[dict[str, Any]] = {
        "pooler_act": "tanh",
        "predictions_act": "gelu",
        "relative_attention_num_buckets": BUCKETS,
        "position_embedding_type": "absolute",
    }

    def __post_init__(self):
        super().__post_init__()
        if self.pad_token_id != 1:
            raise ConfigError(f"pad_token_id is {self.pad_token_id}; MPNet counts positions from a padding id of 1")
        if self.max_tokens < 1:
            raise ConfigError(
                f"max_position_embeddings {self.max_position_embeddings} leaves no row for a token: positions begin "
                "with row 2"
            )

    @property
    def type_vocab_size(self) -> int:
        """0: there are no segments."""
        return 0

    @property
    def max_tokens(self) -> int:
        return self.max_position_embeddings - 2

    @property
    def dimensions(self) -> dict[str, int]:
        return {**super().dimensions, "N": self.num_attention_heads, "B": BUCKETS}

    def to_hugging_face(self) -> dict[str, Any]:
        return {"model_type": self.model_type, "relative_attention_num_buckets": BUCKETS, **self.to_dict()}
