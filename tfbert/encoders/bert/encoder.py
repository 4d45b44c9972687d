"""BertEncoder: ids -> vectors. B batch, S sequence, H hidden, N heads."""

import keras
from keras import ops

from tfbert.encoders.bert import onnx
from tfbert.encoders.bert.config import BertConfig
from tfbert.encoders.encoder import Encoder
from tfbert.encoders.layers import BertEmbeddings, EncoderBlock, MaskedLanguageModelHead
from tfbert.encoders.layers.activations import activation


@keras.saving.register_keras_serializable("tfbert")
class BertEncoder(Encoder):
    """The bidirectional encoder of BERT (Devlin et al. 2018; Hugging Face BertModel).

    Inputs, a dict of int tensors [B, S]: `token_ids`, `segment_ids` (0 where absent), `padding_mask`
    (1 = token; all 1 where absent). S is at most `config.max_position_embeddings`. Rows in which several
    sequences are packed say with `sequence_ids` whose each token is, and get `position_ids` that begin anew:
    a token attends to its own sequence alone. The pooled output is the first sequence's.

    Output, a dict: `sequence_output` [B, S, H] and `pooled_output` [B, H]. On request also
    `hidden_states`, a list of [B, S, H] (embeddings first), and `attention_probs`, a list of [B, N, S, S].

    >>> encoder = BertEncoder(BertConfig(hidden_size=8, num_attention_heads=2, num_hidden_layers=1))
    >>> encoder({"token_ids": keras.ops.ones((1, 3), "int32")})["pooled_output"].shape
    TensorShape([1, 8])
    """

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config if isinstance(config, BertConfig) else BertConfig(**config)
        c, common = self.config, {"dtype": self.dtype_policy}
        self.embeddings = BertEmbeddings(
            c.vocab_size,
            c.hidden_size,
            max_position_embeddings=c.max_position_embeddings,
            type_vocab_size=c.type_vocab_size,
            dropout=c.hidden_dropout_prob,
            layer_norm_eps=c.layer_norm_eps,
            initializer_range=c.initializer_range,
            name="embeddings",
            **common,
        )
        self.blocks = [
            EncoderBlock(
                c.hidden_size,
                c.num_attention_heads,
                c.intermediate_size,
                hidden_act=c.hidden_act,
                dropout=c.hidden_dropout_prob,
                attention_dropout=c.attention_probs_dropout_prob,
                layer_norm_eps=c.layer_norm_eps,
                initializer_range=c.initializer_range,
                name=f"block_{i}",
                **common,
            )
            for i in range(c.num_hidden_layers)
        ]
        self.pooler = keras.layers.Dense(
            c.hidden_size,
            activation=activation(c.pooler_act),
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=c.initializer_range),
            name="pooler",
            **common,
        )

    def build(self, input_shape=None):
        shape = (None, None, self.config.hidden_size)
        self.embeddings.build((None, None), (None, None))
        for block in self.blocks:
            block.build(shape, (None, None))
        self.pooler.build((None, self.config.hidden_size))
        self.built = True

    def call(self, inputs, training=False, return_hidden_states=False, return_attention_probs=False):
        token_ids = inputs["token_ids"]
        segment_ids, padding_mask = inputs.get("segment_ids"), inputs.get("padding_mask")
        if segment_ids is None:
            segment_ids = ops.zeros_like(token_ids)
        if padding_mask is None:
            padding_mask = ops.ones_like(token_ids)
        self._check_length(token_ids)
        hidden = self.embeddings(token_ids, segment_ids, inputs.get("position_ids"), training=training)
        if (sequence_ids := inputs.get("sequence_ids")) is not None:
            same = ops.expand_dims(sequence_ids, 2) == ops.expand_dims(sequence_ids, 1)  # [B, S, S]
            padding_mask = ops.logical_and(same, ops.expand_dims(ops.cast(padding_mask, "bool"), 1))
        hidden_states, attention_probs = [hidden], []
        for block in self.blocks:
            hidden = block(hidden, padding_mask, training=training, return_probs=return_attention_probs)
            if return_attention_probs:
                hidden, probs = hidden
                attention_probs.append(probs)
            hidden_states.append(hidden)
        outputs = {"sequence_output": hidden, "pooled_output": self.pooler(hidden[:, 0])}
        if return_hidden_states:
            outputs["hidden_states"] = hidden_states
        if return_attention_probs:
            outputs["attention_probs"] = attention_probs
        return outputs

    def compute_output_spec(self, inputs, training=False, return_hidden_states=False, return_attention_probs=False):
        batch, length = inputs["token_ids"].shape
        c = self.config

        def tensor(*shape):
            return keras.KerasTensor(shape, self.compute_dtype)

        outputs = {
            "sequence_output": tensor(batch, length, c.hidden_size),
            "pooled_output": tensor(batch, c.hidden_size),
        }
        if return_hidden_states:
            outputs["hidden_states"] = [tensor(batch, length, c.hidden_size) for _ in range(c.num_hidden_layers + 1)]
        if return_attention_probs:
            shape = (batch, c.num_attention_heads, length, length)
            outputs["attention_probs"] = [tensor(*shape) for _ in range(c.num_hidden_layers)]
        return outputs

    @property
    def max_tokens(self):
        return self.config.max_position_embeddings

    @property
    def head_dropout(self):
        rate = self.config.classifier_dropout
        return self.config.hidden_dropout_prob if rate is None else rate

    @property
    def token_embedding(self):
        return self.embeddings.token

    def text_vector(self, vectors):
        return self.pooler(vectors)

    def masked_language_model_head(self, name):
        config = self.config
        return MaskedLanguageModelHead(
            self.token_embedding,
            hidden_act=config.predictions_act or config.hidden_act,
            layer_norm_eps=config.predictions_layer_norm_eps or config.layer_norm_eps,
            initializer_range=config.initializer_range,
            tied=config.tie_word_embeddings,
            dtype=self.dtype_policy,
            name=name,
        )

    def write_onnx(self, graph):
        return onnx.write_encoder(graph, self)

    def write_onnx_text_vector(self, graph, sequence_output):
        return onnx.write_pooler(graph, self, sequence_output)

    def _check_length(self, token_ids):
        if len(token_ids.shape) != 2:
            raise ValueError(f"token_ids must have the shape [batch, sequence], not {tuple(token_ids.shape)}")
        length, limit = token_ids.shape[1], self.max_tokens
        if length is not None and length > limit:
            raise ValueError(f"a sequence of {length} tokens is longer than max_position_embeddings {limit}")

    def get_config(self):
        return {**super().get_config(), "config": self.config.to_dict()}
