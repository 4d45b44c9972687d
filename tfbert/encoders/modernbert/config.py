"""ModernBertConfig: the sizes of a ModernBERT encoder."""

import dataclasses
import math
import typing
from typing import Any, ClassVar

from tfbert.encoders.config import EncoderConfig
from tfbert.errors import ConfigError
from tfbert.settings import check_choice, check_positive

_GLOBAL, _LOCAL = "full_attention", "sliding_attention"  # kinds of layers, as transformers 5 calls them
_BASES = {_GLOBAL: "global_rope_theta", _LOCAL: "local_rope_theta"}


@dataclasses.dataclass(frozen=True)
class ModernBertConfig(EncoderConfig):
    """Sizes and constants of ModernBERT (Warner et al. 2024, appendix A); Ettin and mmBERT have the same network.

    Args:
        hidden_dropout_prob: of the embeddings.
        mlp_dropout: of the vectors between the layers of the feed-forward network.
        norm_bias, attention_bias, mlp_bias, classifier_bias: whether the LayerNorms, the attention, the feed-forward
            network and the dense layer of the heads have biases.
        classifier_pooling: what makes the text vector: "cls" the first token's vector, "mean" the mean of all tokens'.
        global_attn_every_n_layers: every n-th layer, from the first on, attends to all tokens, the others to near ones.
        local_attention: a token of the other layers sees half as many to either side.
        global_rope_theta, local_rope_theta: bases of the rotary positions of both kinds of layers.

    >>> ModernBertConfig().is_global(3), ModernBertConfig().reach
    (True, 64)
    """

    vocab_size: int = 50368
    num_hidden_layers: int = 22
    intermediate_size: int = 1152
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    mlp_dropout: float = 0.0
    classifier_dropout: float | None = 0.0
    max_position_embeddings: int = 8192
    layer_norm_eps: float = 1e-5
    pad_token_id: int = 50283
    pooler_act: str = "gelu"
    norm_bias: bool = False
    attention_bias: bool = False
    mlp_bias: bool = False
    classifier_bias: bool = False
    classifier_pooling: str = "cls"
    global_attn_every_n_layers: int = 3
    local_attention: int = 128
    global_rope_theta: float = 160_000.0
    local_rope_theta: float = 10_000.0

    model_type: ClassVar[str] = "modernbert"
    other_names: ClassVar[dict[str, str]] = {
        "hidden_act": "hidden_activation",
        "hidden_dropout_prob": "embedding_dropout",
        "attention_probs_dropout_prob": "attention_dropout",
        "layer_norm_eps": "norm_eps",
        "pooler_act": "classifier_activation",
    }
    harmless_keys: ClassVar[tuple[str, ...]] = (
        *("rope_parameters", "layer_types"),  # which `from_dict` reads
        *("position_embedding_type", "initializer_cutoff_factor", "sparse_prediction", "sparse_pred_ignore_index"),
        *("deterministic_flash_attn", "reference_compile", "repad_logits_with_grad"),
    )
    required_values: ClassVar[dict[str, Any]] = {
        "decoder_bias": True,
        "rope_scaling": None,
        "predictions_act": None,
        "predictions_layer_norm_eps": None,
    }

    def __post_init__(self):
        super().__post_init__()
        check_choice(self, "classifier_pooling", ("cls", "mean"))
        for name in ("global_rope_theta", "local_rope_theta"):
            check_positive(self, name)
            if not math.isfinite(getattr(self, name)):
                raise ConfigError(f"{name} must be a number, not {getattr(self, name)}")
        if not 0 <= self.mlp_dropout <= 1:
            raise ConfigError(f"mlp_dropout must be from 0 to 1, not {self.mlp_dropout}")
        if self.head_size % 2:
            raise ConfigError(
                f"hidden_size {self.hidden_size} with num_attention_heads {self.num_attention_heads} makes heads "
                f"{self.head_size} wide; rotary positions need an even width"
            )

    def is_global(self, layer: int) -> bool:
        """Whether a layer, counted from 0, attends to all tokens."""
        return layer % self.global_attn_every_n_layers == 0

    @property
    def reach(self) -> int:
        """How many positions a token of a local layer sees to either side."""
        return self.local_attention // 2

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> typing.Self:
        if "pooler_act" not in values:  # only a configuration of tfbert's has its names; ModernBERT ignores BERT's
            values = {key: value for key, value in values.items() if key not in cls.other_names}
        return super().from_dict({**values, **_bases(values), **_pattern(values)})

    def to_hugging_face(self) -> dict[str, Any]:
        """The keys of transformers 5, and those that transformers 4 had for rotary positions and kinds of layers."""
        values = self.to_dict()
        theirs = {name: values.pop(ours) for ours, name in self.other_names.items()}
        if self.classifier_dropout is None:  # then the encoder's rate is used, as in BERT
            values["classifier_dropout"] = self.hidden_dropout_prob
        kinds = [_GLOBAL if self.is_global(layer) else _LOCAL for layer in range(self.num_hidden_layers)]
        bases = {kind: {"rope_theta": values[name], "rope_type": "default"} for kind, name in _BASES.items()}
        return {
            "model_type": self.model_type,
            **theirs,
            **values,
            "decoder_bias": True,
            "layer_types": kinds,
            "rope_parameters": bases,
        }


def _bases(values: dict[str, Any]) -> dict[str, Any]:
    """`global_rope_theta` and `local_rope_theta`, of transformers 5's `rope_parameters` or of the older keys."""
    found = {name: values[name] for name in _BASES.values() if values.get(name) is not None}
    if values.get("local_rope_theta", 0) is None:  # then it is the other one, in transformers 4
        found["local_rope_theta"] = found.get("global_rope_theta", ModernBertConfig.global_rope_theta)
    given = values.get("rope_parameters") or {}
    if not isinstance(given, dict):
        raise ConfigError(f"rope_parameters must be an object, not {str(given):.40}")
    for kind, parameters in given.items():
        if kind not in _BASES or not isinstance(parameters, dict | None):
            raise ConfigError(f"rope_parameters has {kind!r}; tfbert supports an object for {' and '.join(_BASES)}")
        for key, value in (parameters or {}).items():
            if key == "rope_theta":
                found[_BASES[kind]] = value
            elif (key, value) != ("rope_type", "default"):
                raise ConfigError(
                    f"rope_parameters has {key} {value!r} for {kind}; tfbert supports rope_theta, and rope_type "
                    "'default' only"
                )
    return found


def _pattern(values: dict[str, Any]) -> dict[str, int]:
    """`global_attn_every_n_layers`, of transformers 5's `layer_types`."""
    kinds = values.get("layer_types")
    if kinds is None:
        return {}
    if not isinstance(kinds, list) or not kinds or kinds[0] != _GLOBAL or not set(kinds) <= set(_BASES):
        raise ConfigError(f"layer_types must be a list of {_GLOBAL!r} and {_LOCAL!r} that begins with {_GLOBAL!r}")
    if len(kinds) != values.get("num_hidden_layers"):
        raise ConfigError(f"layer_types has {len(kinds)} layers, num_hidden_layers {values.get('num_hidden_layers')}")
    every = next((i for i, kind in enumerate(kinds) if i and kind == _GLOBAL), None)
    if every is None:  # any number that no further layer is a multiple of
        given = values.get("global_attn_every_n_layers")
        every = given if isinstance(given, int) and given >= len(kinds) else len(kinds)
    if any((kind == _GLOBAL) != (i % every == 0) for i, kind in enumerate(kinds)):
        raise ConfigError("layer_types has global layers at uneven distances; tfbert supports every n-th layer only")
    return {"global_attn_every_n_layers": every}
