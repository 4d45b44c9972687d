"""RobertaConfig, XlmRobertaConfig, CamembertConfig: sizes of the encoders that are RoBERTa by architecture."""

import dataclasses
from typing import Any, ClassVar

from tfbert.encoders.bert.config import BertConfig
from tfbert.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class RobertaConfig(BertConfig):
    """Sizes and constants of RoBERTa (Liu et al. 2019), under Hugging Face's names.

    The rows of the position table begin with those of the padding id and of the ids before it, which no token uses:
    of 514 rows 512 are for tokens.

    >>> RobertaConfig().max_tokens
    512
    """

    vocab_size: int = 50265
    max_position_embeddings: int = 514
    type_vocab_size: int = 1
    pad_token_id: int = 1
    layer_norm_eps: float = 1e-5
    predictions_act: str | None = "gelu"

    model_type: ClassVar[str] = "roberta"
    # Constants in RoBERTa's own code.
    required_values: ClassVar[dict[str, Any]] = {
        **BertConfig.required_values,
        "pooler_act": "tanh",
        "predictions_act": "gelu",
    }

    def __post_init__(self):
        super().__post_init__()
        if self.max_tokens < 1:
            raise ConfigError(
                f"max_position_embeddings {self.max_position_embeddings} leaves no row for a token: positions begin "
                f"after pad_token_id {self.pad_token_id}"
            )

    @property
    def max_tokens(self) -> int:
        return self.max_position_embeddings - self.pad_token_id - 1


@dataclasses.dataclass(frozen=True)
class XlmRobertaConfig(RobertaConfig):
    """Sizes and constants of XLM-RoBERTa (Conneau et al. 2020), whose network is RoBERTa's.

    >>> XlmRobertaConfig().vocab_size
    250002
    """

    vocab_size: int = 250002
    model_type: ClassVar[str] = "xlm-roberta"


@dataclasses.dataclass(frozen=True)
class CamembertConfig(RobertaConfig):
    """Sizes and constants of CamemBERT (Martin et al. 2020), whose network is RoBERTa's.

    >>> CamembertConfig().vocab_size
    32005
    """

    vocab_size: int = 32005
    model_type: ClassVar[str] = "camembert"
