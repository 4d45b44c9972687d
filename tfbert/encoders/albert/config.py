"""AlbertConfig: the sizes of an ALBERT encoder."""

import dataclasses
from typing import Any, ClassVar

from tfbert.encoders.bert.config import BertConfig
from tfbert.settings import check_positive


@dataclasses.dataclass(frozen=True)
class AlbertConfig(BertConfig):
    """Sizes and constants of ALBERT (Lan et al. 2020, table 1), under BERT's names.

    Args:
        embedding_size: E, the width of the token embedding.

    >>> AlbertConfig(hidden_size=312, intermediate_size=1248).embedding_width
    128
    """

    vocab_size: int = 30000
    embedding_size: int = 128
    hidden_act: str = "gelu_new"
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    classifier_dropout: float | None = 0.1

    model_type: ClassVar[str] = "albert"
    other_names: ClassVar[dict[str, str]] = {"classifier_dropout": "classifier_dropout_prob"}
    # Of Google's files; no code reads them.
    harmless_keys: ClassVar[tuple[str, ...]] = (
        *("net_structure_type", "gap_size", "layers_to_keep", "num_memory_blocks", "down_scale_factor"),
    )
    # ALBERT has groups of layers and several blocks in a layer, too; no published model does.
    required_values: ClassVar[dict[str, Any]] = {
        **BertConfig.required_values,
        "pooler_act": "tanh",
        "num_hidden_groups": 1,
        "inner_group_num": 1,
    }

    def __post_init__(self):
        super().__post_init__()
        check_positive(self, "embedding_size")

    @property
    def embedding_width(self) -> int:
        return self.embedding_size

    @property
    def is_projected(self) -> bool:
        return True

    def to_hugging_face(self) -> dict[str, Any]:
        values = super().to_hugging_face()
        values["classifier_dropout_prob"] = values.pop("classifier_dropout")
        if self.classifier_dropout is None:  # then the encoder's rate is used, as in BERT
            values["classifier_dropout_prob"] = self.hidden_dropout_prob
        return {**values, "num_hidden_groups": 1, "inner_group_num": 1}
