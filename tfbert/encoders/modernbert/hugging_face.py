"""ModernBERT's tensors in Hugging Face's files, with the shapes of all variables.

Source of the names: transformers/models/modernbert/modeling_modernbert.py. `head` stands before the last layer of each
of its heads: it is tfbert's pooler, and in the masked language model a part of that head. Next sentences and tag
transitions it does not have; here they have BERT's names.
"""

from collections.abc import Iterable

from tfbert.encoders.bert import hugging_face as bert
from tfbert.encoders.modernbert.config import ModernBertConfig
from tfbert.encoders.weight_table import AS_IS, TRANSPOSED, Row, WeightTable

_LAYER, _BLOCK = "layers.{i}", "block_{i}"
_FILLS_MASKS, _ANSWERS = "MaskedLM", "QuestionAnswering"

# Variables that are parts of one tensor.
_THIRDS = {"query": (0, 3), "key": (1, 3), "value": (2, 3)}
_HALVES = {"intermediate": (0, 2), "gate": (1, 2)}

_ENCODER = (
    Row("embeddings/token/embeddings", "embeddings.tok_embeddings.weight", shape="V H"),
    Row("embeddings/layer_norm/gamma", "embeddings.norm.weight", shape="H"),
    Row("embeddings/layer_norm/beta", "embeddings.norm.bias", shape="H"),
    Row(f"{_BLOCK}/attention_norm/gamma", f"{_LAYER}.attn_norm.weight", shape="H", first_block=1),
    Row(f"{_BLOCK}/attention_norm/beta", f"{_LAYER}.attn_norm.bias", shape="H", first_block=1),
    *(
        Row(f"{_BLOCK}/attention/{name}/kernel", f"{_LAYER}.attn.Wqkv.weight", TRANSPOSED, "H H", part=part)
        for name, part in _THIRDS.items()
    ),
    *(
        Row(f"{_BLOCK}/attention/{name}/bias", f"{_LAYER}.attn.Wqkv.bias", shape="H", part=part)
        for name, part in _THIRDS.items()
    ),
    Row(f"{_BLOCK}/attention/output/kernel", f"{_LAYER}.attn.Wo.weight", TRANSPOSED, "H H"),
    Row(f"{_BLOCK}/attention/output/bias", f"{_LAYER}.attn.Wo.bias", shape="H"),
    Row(f"{_BLOCK}/feed_forward_norm/gamma", f"{_LAYER}.mlp_norm.weight", shape="H"),
    Row(f"{_BLOCK}/feed_forward_norm/beta", f"{_LAYER}.mlp_norm.bias", shape="H"),
    *(
        Row(f"{_BLOCK}/feed_forward/{name}/kernel", f"{_LAYER}.mlp.Wi.weight", TRANSPOSED, "H I", part=part)
        for name, part in _HALVES.items()
    ),
    *(
        Row(f"{_BLOCK}/feed_forward/{name}/bias", f"{_LAYER}.mlp.Wi.bias", shape="I", part=part)
        for name, part in _HALVES.items()
    ),
    Row(f"{_BLOCK}/feed_forward/output/kernel", f"{_LAYER}.mlp.Wo.weight", TRANSPOSED, "I H"),
    Row(f"{_BLOCK}/feed_forward/output/bias", f"{_LAYER}.mlp.Wo.bias", shape="H"),
    Row("final_norm/gamma", "final_norm.weight", shape="H"),
    Row("final_norm/beta", "final_norm.bias", shape="H"),
)
_POOLER = (
    Row("pooler/dense/kernel", "head.dense.weight", TRANSPOSED, "H H", outside=True),
    Row("pooler/dense/bias", "head.dense.bias", shape="H", outside=True),
    Row("pooler/norm/gamma", "head.norm.weight", shape="H", outside=True),
    Row("pooler/norm/beta", "head.norm.bias", shape="H", outside=True),
)
_PREDICTIONS = (
    *(
        # The first name is Hugging Face's; a file with another head next to this one has that head's there.
        row
        for name, tensor, layout, shape in (
            ("transform/kernel", "dense.weight", TRANSPOSED, "H H"),
            ("transform/bias", "dense.bias", AS_IS, "H"),
            ("layer_norm/gamma", "norm.weight", AS_IS, "H"),
            ("layer_norm/beta", "norm.bias", AS_IS, "H"),
        )
        for row in (
            Row(f"predictions/{name}", f"head.{tensor}", layout, shape, of=_FILLS_MASKS),
            Row(f"predictions/{name}", f"predictions.{tensor}", layout, shape),
        )
    ),
    Row("predictions/output_bias", "decoder.bias", shape="V"),
)
_DECODER = Row("predictions/decoder/embeddings", "decoder.weight", shape="V H")
_HEADS = {
    **bert.HEADS,
    "qa_outputs": (
        Row("qa_outputs/kernel", "classifier.weight", TRANSPOSED, of=_ANSWERS),
        Row("qa_outputs/bias", "classifier.bias", of=_ANSWERS),
        *bert.HEADS["qa_outputs"],
    ),
}


def table(config: ModernBertConfig) -> WeightTable:
    """The rows of a network of this configuration."""
    predictions = _PREDICTIONS if config.tie_word_embeddings else (*_PREDICTIONS, _DECODER)
    return WeightTable(
        encoder=_of_config(_ENCODER, config),
        # A masked language model's is read as the pooler, too, as Hugging Face's other classes do.
        pooler=_of_config((*_POOLER, *(row._replace(of=_FILLS_MASKS, is_written=False) for row in _POOLER)), config),
        heads={**_HEADS, "predictions": _of_config(predictions, config)},
        prefix="model.",
    )


def _of_config(rows: Iterable[Row], config: ModernBertConfig) -> tuple[Row, ...]:
    """The rows without those of biases that the network does not have."""

    def is_there(variable):
        if variable.endswith("/beta"):
            return config.norm_bias
        if not variable.endswith("/bias"):
            return True
        if "/attention/" in variable:
            return config.attention_bias
        return config.mlp_bias if "/feed_forward/" in variable else config.classifier_bias

    return tuple(row for row in rows if is_there(row.variable))
