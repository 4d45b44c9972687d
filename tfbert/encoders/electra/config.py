"""ElectraConfig: the sizes of an ELECTRA encoder, discriminator or generator."""

import dataclasses
from typing import Any, ClassVar

from tfbert.encoders.bert.config import BertConfig
from tfbert.settings import check_positive


@dataclasses.dataclass(frozen=True)
class ElectraConfig(BertConfig):
    """Sizes and constants of ELECTRA (Clark et al. 2020, section 3 and table 6), under Hugging Face's names.

    Args:
        embedding_size: E; where it is not H, a dense layer leads from one to the other.

    >>> ElectraConfig(hidden_size=256, num_attention_heads=4, intermediate_size=1024).embedding_width
    128
    """

    embedding_size: int = 128
    pooler_act: str = "gelu"
    predictions_act: str | None = "gelu"

    model_type: ClassVar[str] = "electra"
    harmless_keys: ClassVar[tuple[str, ...]] = ("summary_first_dropout", "summary_last_dropout")
    required_values: ClassVar[dict[str, Any]] = {
        **BertConfig.required_values,
        # Constants in ELECTRA's own code.
        "pooler_act": "gelu",
        "predictions_act": "gelu",
        # How the multiple choice model makes a text's vector.
        "summary_type": "first",
        "summary_use_proj": True,
        "summary_activation": "gelu",
    }

    def __post_init__(self):
        super().__post_init__()
        check_positive(self, "embedding_size")

    @property
    def embedding_width(self) -> int:
        return self.embedding_size
