"""NomicBERT's tensors in Hugging Face's files, with the shapes of all variables.

Source of the names: transformers/models/nomic_bert/modeling_nomic_bert.py; nomic-ai/contrastors,
models/huggingface/modeling_hf_nomic_bert.py, of published files, which are only read. Answers, next sentences and tag
transitions it does not have; here they have BERT's names.
"""

import dataclasses

from tfbert.encoders.bert import hugging_face as bert
from tfbert.encoders.nomic_bert.config import NomicBertConfig
from tfbert.encoders.weight_table import AS_IS, TRANSPOSED, Row, WeightTable

_LAYER, _OLD_LAYER, _BLOCK = "layers.{i}", "encoder.layers.{i}", "block_{i}"


def _named(variable: str, tensor: str, old: str, layout: str, shape: str, part: tuple[int, int] = (0, 1)) -> list[Row]:
    """A variable's name in transformers, and in older files, where it may be a part of a tensor."""
    return [Row(variable, tensor, layout, shape), Row(variable, old, layout, shape, is_written=False, part=part)]


def _norm(variable: str, tensor: str, old: str) -> tuple[Row, ...]:
    return tuple(
        row
        for ours, theirs in (("gamma", "weight"), ("beta", "bias"))
        for row in _named(f"{variable}/{ours}", f"{tensor}.{theirs}", f"{old}.{theirs}", AS_IS, "H")
    )


_KERNELS = (
    *(
        (f"attention/{name}", f"self_attn.{name[0]}_proj", "attn.Wqkv", "H H", (i, 3))
        for i, name in enumerate(("query", "key", "value"))
    ),
    ("attention/output", "self_attn.o_proj", "attn.out_proj", "H H", (0, 1)),
    ("feed_forward/intermediate", "mlp.gate_proj", "mlp.fc12", "H I", (0, 1)),
    ("feed_forward/gate", "mlp.up_proj", "mlp.fc11", "H I", (0, 1)),
    ("feed_forward/output", "mlp.down_proj", "mlp.fc2", "I H", (0, 1)),
)
_ENCODER = (
    Row("embeddings/token/embeddings", "embeddings.word_embeddings.weight", shape="V H"),
    Row("embeddings/segment/embeddings", "embeddings.token_type_embeddings.weight", shape="T H"),
    *_norm("embeddings/layer_norm", "embeddings.LayerNorm", "emb_ln"),
    *(
        row
        for ours, tensor, old, shape, part in _KERNELS
        for row in _named(
            f"{_BLOCK}/{ours}/kernel",
            f"{_LAYER}.{tensor}.weight",
            f"{_OLD_LAYER}.{old}.weight",
            TRANSPOSED,
            shape,
            part,
        )
    ),
    *_norm(f"{_BLOCK}/attention_norm", f"{_LAYER}.post_attention_layernorm", f"{_OLD_LAYER}.norm1"),
    *_norm(f"{_BLOCK}/output_norm", f"{_LAYER}.post_mlp_layernorm", f"{_OLD_LAYER}.norm2"),
)
_PREDICTIONS = tuple(row._replace(tensor=row.tensor.replace("LayerNorm", "layer_norm")) for row in bert.PREDICTIONS)
_TIED = WeightTable(
    encoder=_ENCODER,
    pooler=bert.POOLER,
    heads={**bert.HEADS, "predictions": (*_PREDICTIONS, bert.DECODER_BIAS)},
    prefix="nomic_bert.",
)
_UNTIED = dataclasses.replace(
    _TIED,
    heads={**bert.HEADS, "predictions": (bert.DECODER_BIAS._replace(is_written=True), *_PREDICTIONS, bert.DECODER)},
)


def table(config: NomicBertConfig) -> WeightTable:
    """The rows of a network of this configuration."""
    return _TIED if config.tie_word_embeddings else _UNTIED
