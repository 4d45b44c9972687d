"""NomicBertConfig: the sizes of a NomicBERT encoder."""

import dataclasses
import math
import typing
from typing import Any, ClassVar

from tfbert.encoders.bert.config import BertConfig
from tfbert.errors import ConfigError
from tfbert.settings import check_positive

# Our field -> the key of the files that its authors' own code reads. Newer files have both.
_OLD_NAMES = {
    "hidden_size": "n_embd",
    "num_hidden_layers": "n_layer",
    "num_attention_heads": "n_head",
    "intermediate_size": "n_inner",
    "layer_norm_eps": "layer_norm_epsilon",
    "hidden_dropout_prob": "resid_pdrop",
    "attention_probs_dropout_prob": "attn_pdrop",
    "max_position_embeddings": "max_trained_positions",
    "rope_theta": "rotary_emb_base",
}


@dataclasses.dataclass(frozen=True)
class NomicBertConfig(BertConfig):
    """Sizes and constants of NomicBERT (Nussbaum et al. 2024), under BERT's names.

    Args:
        rope_theta: the base of the rotary positions.

    >>> NomicBertConfig().max_tokens
    2048
    """

    vocab_size: int = 30528
    hidden_act: str = "silu"
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    max_position_embeddings: int = 2048
    rope_theta: float = 1000.0

    model_type: ClassVar[str] = "nomic_bert"
    harmless_keys: ClassVar[tuple[str, ...]] = (
        *("rope_parameters", "head_dim", *_OLD_NAMES.values()),  # which `from_dict` reads
        # Only rows of more tokens than it was trained on have other angles.
        *("rotary_scaling_factor", "n_positions"),
        *("use_flash_attn", "fused_bias_fc", "fused_dropout_add_ln", "use_xentropy", "dense_seq_output"),
        *("pad_vocab_size_multiple", "reorder_and_upcast_attn", "position_embedding_type"),
        # Its authors' configuration is GPT-2's, with what that makes a text's vector of.
        *("summary_type", "summary_use_proj", "summary_activation", "summary_first_dropout", "summary_proj_to_labels"),
    )
    required_values: ClassVar[dict[str, Any]] = {
        "activation_function": "swiglu",
        "qkv_proj_bias": False,
        "mlp_fc1_bias": False,
        "mlp_fc2_bias": False,
        "prenorm": False,
        "parallel_block": False,
        "parallel_block_tied_norm": False,
        "causal": False,
        "use_rms_norm": False,
        "rotary_emb_fraction": 1.0,
        "rotary_emb_interleaved": False,
        "rotary_emb_scale_base": None,
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "embd_pdrop": 0.0,
    }

    def __post_init__(self):
        super().__post_init__()
        check_positive(self, "rope_theta")
        if not math.isfinite(self.rope_theta):
            raise ConfigError(f"rope_theta must be a number, not {self.rope_theta}")
        if self.head_size % 2:
            raise ConfigError(
                f"hidden_size {self.hidden_size} with num_attention_heads {self.num_attention_heads} makes heads "
                f"{self.head_size} wide; rotary positions need an even width"
            )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> typing.Self:
        old = {ours: values[theirs] for ours, theirs in _OLD_NAMES.items() if values.get(theirs) is not None}
        rope = values.get("rope_parameters") or {}
        if not isinstance(rope, dict) or not set(rope) <= {"rope_theta", "rope_type"}:
            raise ConfigError(f"rope_parameters is {str(rope):.80}; tfbert supports rope_theta and rope_type only")
        if rope.get("rope_type", "default") != "default":
            raise ConfigError(f"rope_parameters has rope_type {rope['rope_type']!r}; tfbert supports 'default' only")
        theta = {"rope_theta": rope["rope_theta"]} if "rope_theta" in rope else {}
        config = super().from_dict({**old, **values, **theta})
        if values.get("head_dim", config.head_size) not in (None, config.head_size):
            raise ConfigError(f"head_dim is {values['head_dim']!r}; tfbert supports {config.head_size} for these sizes")
        return config

    def to_hugging_face(self) -> dict[str, Any]:
        values = {"model_type": self.model_type, **self.to_dict()}
        theta = values.pop("rope_theta")
        return {**values, "head_dim": self.head_size, "rope_parameters": {"rope_theta": theta, "rope_type": "default"}}
