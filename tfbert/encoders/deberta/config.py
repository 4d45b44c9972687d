"""DebertaV2Config: the sizes of a DeBERTa-v2 or -v3 encoder."""

import dataclasses
import typing
from typing import Any, ClassVar

from tfbert.encoders.config import EncoderConfig
from tfbert.errors import ConfigError

# What Hugging Face's code has where a file has no such key.
_DEFAULTS = {
    "relative_attention": False,
    "position_biased_input": True,
    "share_att_key": False,
    "norm_rel_ebd": "none",
    "pos_att_type": "",
    "position_buckets": -1,
    "layer_norm_eps": 1e-7,
    "pooler_hidden_act": "gelu",
}
_TERMS = ["c2p", "p2c"]


@dataclasses.dataclass(frozen=True)
class DebertaV2Config(EncoderConfig):
    """Sizes and constants of DeBERTa-v2 and -v3 (He et al. 2021), under Hugging Face's names.

    Args:
        position_buckets: half the number of buckets of distances.
        max_relative_positions: the distance of the last bucket; None for `max_position_embeddings`.
        pooler_dropout: the rate before the dense layer of the text vector.
        legacy: whether the head of the masked language model has BERT's names; False for that of newer files.

    >>> DebertaV2Config().position_buckets
    256
    """

    vocab_size: int = 128100
    layer_norm_eps: float = 1e-7
    pooler_act: str = "gelu"
    position_buckets: int = 256
    max_relative_positions: int | None = None
    pooler_dropout: float = 0.0
    legacy: bool = True

    model_type: ClassVar[str] = "deberta-v2"
    other_names: ClassVar[dict[str, str]] = {"pooler_act": "pooler_hidden_act", "classifier_dropout": "cls_dropout"}
    # Other values are variants of the network that tfbert does not have, such as the convolution of v2's XLarge.
    required_values: ClassVar[dict[str, Any]] = {
        "relative_attention": True,
        "share_att_key": True,
        "norm_rel_ebd": "layer_norm",
        "position_biased_input": False,
        "pos_att_type": _TERMS,
        "conv_kernel_size": 0,
        "type_vocab_size": 0,
        "predictions_act": None,
    }
    harmless_keys: ClassVar[tuple[str, ...]] = (
        *("conv_act", "conv_groups"),  # of the convolution that there is not
        *("pooler_hidden_size", "attention_head_size", "embedding_size"),  # `from_dict` looks at them
    )

    def __post_init__(self):
        super().__post_init__()
        if not 0 <= self.pooler_dropout <= 1:
            raise ConfigError(f"pooler_dropout must be from 0 to 1, not {self.pooler_dropout}")
        if self.position_buckets < 4 or self.position_buckets % 2 or self.farthest <= self.position_buckets // 2 + 1:
            raise ConfigError(
                f"position_buckets {self.position_buckets} must be an even number from 4 on, and less than twice the "
                f"{self.farthest} of max_relative_positions or max_position_embeddings"
            )
        if not (self.legacy or self.tie_word_embeddings):
            raise ConfigError("tie_word_embeddings False needs legacy True: the newer head has no decoder of its own")

    @property
    def farthest(self) -> int:
        """The distance of the last bucket."""
        return self.max_relative_positions or self.max_position_embeddings

    @property
    def dimensions(self) -> dict[str, int]:
        return {**super().dimensions, "B": 2 * self.position_buckets}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> typing.Self:
        # Only what tfbert wrote has pooler_act, and then may lack the others.
        values = dict(values) if "pooler_act" in values else {**_DEFAULTS, **values}
        terms = values.get("pos_att_type", _TERMS)
        if isinstance(terms, str):
            terms = [term.strip() for term in terms.lower().split("|")]
        if isinstance(terms, list):
            values["pos_att_type"] = sorted(map(str, terms))
        farthest = values.get("max_relative_positions")
        if isinstance(farthest, int) and farthest < 1:
            values["max_relative_positions"] = None
        config = super().from_dict(values)
        sizes = {"embedding_size": config.hidden_size, "pooler_hidden_size": config.hidden_size}
        for key, size in {**sizes, "attention_head_size": config.head_size}.items():
            if values.get(key) not in (None, size):
                raise ConfigError(f"{key} is {values[key]!r}; tfbert supports {size} only, as of the other sizes")
        return config

    def to_hugging_face(self) -> dict[str, Any]:
        values = self.to_dict()
        values |= {name: values.pop(ours) for ours, name in self.other_names.items()}
        values |= {"max_relative_positions": self.max_relative_positions or -1, "pooler_hidden_size": self.hidden_size}
        if self.classifier_dropout is None:
            del values["cls_dropout"]
        return {"model_type": self.model_type, **self.required_values, **values, "pos_att_type": "p2c|c2p"}
