"""A tokenizer as a Keras layer, for functional models that take strings. B batch, S sequence."""

from __future__ import annotations

from typing import Any, Self

import keras

from tfbert.text.tokenizer import Tokenizer

_OUTPUTS = ("token_ids", "segment_ids", "padding_mask")


@keras.saving.register_keras_serializable("tfbert")
class Tokenize(keras.layers.Layer):
    """Strings to what an encoder reads, as the first layer of a `keras.Model` that trains, saves and exports whole.

    Inputs: strings [B], and a second text [B] for pairs. Output: a dict of token_ids, segment_ids and padding_mask,
    int32 [B, S], where S is the batch's longest row. It runs on the CPU and is not compiled by XLA.
    `fit` and `predict` of the model take `tf.constant` strings, a tf.data.Dataset, or NumPy arrays of dtype object;
    Keras itself refuses arrays of dtype str (`np.array(texts, object)` makes what it takes).

    Args:
        tokenizer: a `tfbert.Tokenizer`; the saved model holds all of it.
        max_length: tokens kept of a text or pair, special tokens included; the tokenizer's own unless given.

    >>> text = keras.Input((), dtype="string")
    >>> vectors = encoder(Tokenize(tokenizer, max_length=32)(text))["pooled_output"]
    >>> model = keras.Model(text, keras.layers.Dense(2)(vectors))
    >>> model(tf.constant(["where is it", "money back"])).shape
    TensorShape([2, 2])
    """

    def __init__(self, tokenizer: Tokenizer, *, max_length: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.tokenizer, self.max_length = tokenizer, max_length
        self.supports_jit = False  # XLA has no strings

    def call(self, text: Any, text_pair: Any = None) -> dict[str, Any]:
        features = self.tokenizer(text, text_pair, max_length=self.max_length)
        return {name: features[name] for name in _OUTPUTS}

    def compute_output_spec(self, text: Any, text_pair: Any = None) -> dict[str, keras.KerasTensor]:
        if len(text.shape) != 1:
            raise ValueError(f"strings must have the shape [batch], not {tuple(text.shape)}: use keras.Input(())")
        return {name: keras.KerasTensor((text.shape[0], None), "int32") for name in _OUTPUTS}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "tokenizer": self.tokenizer.get_config(), "max_length": self.max_length}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**{**config, "tokenizer": Tokenizer.from_config(config["tokenizer"])})
