"""A family of encoders that lives in the tests: other names of variables, no segments, no pooler."""

import dataclasses
from typing import ClassVar

import keras

import tfbert
from tfbert.encoders.config import EncoderConfig
from tfbert.encoders.encoder import Encoder
from tfbert.encoders.families import Family
from tfbert.encoders.layers import EncoderBlock, MaskedLanguageModelHead, onnx
from tfbert.encoders.weight_table import TRANSPOSED, Row, WeightTable


@dataclasses.dataclass(frozen=True)
class ToyConfig(EncoderConfig):
    """Sizes; config.json calls the width `channels`."""

    model_type: ClassVar[str] = "toy"
    other_names: ClassVar[dict[str, str]] = {"hidden_size": "channels"}

    def to_hugging_face(self):
        values = self.to_dict()
        return {"model_type": self.model_type, "channels": values.pop("hidden_size"), **values}


@keras.saving.register_keras_serializable("toy")
class ToyEncoder(Encoder):
    """Words and places, summed without a LayerNorm, and BERT's blocks. A text's vector is that of its first token."""

    config_class = ToyConfig

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        c, common = self.config, {"dtype": self.dtype_policy}
        self.words = keras.layers.Embedding(c.vocab_size, c.hidden_size, name="words", **common)
        self.places = keras.layers.Embedding(c.max_position_embeddings, c.hidden_size, name="places", **common)
        self.blocks = [
            EncoderBlock(c.hidden_size, c.num_attention_heads, c.intermediate_size, name=f"mixer_{i}", **common)
            for i in range(c.num_hidden_layers)
        ]

    def build(self, input_shape=None):
        for table in (self.words, self.places):
            table.build((None, None))
        for block in self.blocks:
            block.build((None, None, self.hidden_size), (None, None))
        self.built = True

    def embed(self, tokens, training):
        return self.words(tokens["token_ids"]) + self.places(tokens["position_ids"])

    @property
    def token_embedding(self):
        return self.words

    def masked_language_model_head(self, name):
        return MaskedLanguageModelHead.of_encoder(self, name)

    def write_onnx(self, graph):
        words, places = (graph.weight(name, getattr(self, name).embeddings.numpy()) for name in ("words", "places"))
        length = graph.op("Slice", graph.op("Shape", "token_ids"), graph.integers(1), graph.integers(2))
        positions = graph.op("Slice", places, graph.integers(0), length, graph.integers(0))
        x = graph.op("Add", graph.op("Gather", words, "token_ids"), positions)
        return onnx.write_blocks(graph, self.config, self.blocks, x)


def _dense(ours, theirs, shape):
    return (
        Row(f"{ours}/kernel", f"{theirs}.w", TRANSPOSED, shape),
        Row(f"{ours}/bias", f"{theirs}.b", shape=shape[2:]),
    )


def _norm(ours, theirs):
    return (Row(f"{ours}/gamma", f"{theirs}.scale", shape="H"), Row(f"{ours}/beta", f"{theirs}.shift", shape="H"))


TABLE = WeightTable(
    encoder=(
        Row("words/embeddings", "tables.words", shape="V H"),
        Row("places/embeddings", "tables.places", shape="P H"),
        *(row for part in ("query", "key", "value", "output")
          for row in _dense(f"mixer_{{i}}/attention/{part}", f"mix.{{i}}.{part}", "H H")),
        *_norm("mixer_{i}/attention_norm", "mix.{i}.norm1"),
        *_dense("mixer_{i}/feed_forward/intermediate", "mix.{i}.up", "H I"),
        *_dense("mixer_{i}/feed_forward/output", "mix.{i}.down", "I H"),
        *_norm("mixer_{i}/output_norm", "mix.{i}.norm2"),
    ),
    prefix="toy.",
)  # fmt: skip

FAMILY = Family("toy", "Toy", "Toy", ToyConfig, ToyEncoder, lambda config: TABLE)
tfbert.register(FAMILY)
