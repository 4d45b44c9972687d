"""BertEncoder -> nodes of an ONNX graph, in the form that ONNX Runtime fuses.

B batch, S sequence, H hidden, N heads, D head size.

Written with onnx' own helper and not by tf2onnx: in the graph that tf2onnx 1.17 makes of the Keras model ONNX Runtime
finds neither LayerNorm nor Attention. The form below is the one that its AttentionFusion, SkipLayerNormFusion and
BiasGeluFusion look for (onnxruntime/core/optimizer).
"""

import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tfbert.encoders.bert.config import ACTIVATIONS
from tfbert.encoders.layers.attention import MASKED

# The newest whose Unsqueeze and Cast ONNX Runtime's AttentionFusion knows (attention_fusion_helper.h).
# LayerNormalization and Gelu came later (17 and 20): both are spelled out as LayerNormFusion and GeluFusion know them.
OPSET = 12


class GraphWriter:
    """Collects the nodes and weights of a graph; `op` returns the name of what a node computes.

    >>> graph = GraphWriter()
    >>> graph.op("Add", "x", graph.weight("bias", np.zeros(3, np.float32)), name="sum")
    'sum'
    """

    def __init__(self):
        self.nodes, self.weights, self._shapes = [], {}, []

    def weight(self, name, value):
        """A constant of the graph, written once."""
        if name not in self.weights:
            self.weights[name] = numpy_helper.from_array(np.asarray(value), name)
        return name

    def integers(self, *values):
        """A vector of int64, as shapes and axes are."""
        return self.weight("integers_" + "_".join(map(str, values)), np.array(values, np.int64))

    def number(self, value):
        """A float32 scalar."""
        return self.weight(f"number_{value!r}", np.array(value, np.float32))

    def op(self, kind, *inputs, name=None, **attributes):
        name = name or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def has_shape(self, name, shape):
        """States the shape of a float32 tensor that ONNX' own inference does not find."""
        self._shapes.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def dense(self, layer, x, name):
        """A Keras Dense layer without its activation, of [..., in]."""
        product = self.op("MatMul", x, self.weight(f"{name}.kernel", layer.kernel.numpy()))
        if layer.bias is None:
            return product
        return self.op("Add", product, self.weight(f"{name}.bias", layer.bias.numpy()))

    def layer_norm(self, layer, x, name):
        scale, shift = (self.weight(f"{name}.{part}", getattr(layer, part).numpy()) for part in ("gamma", "beta"))
        mean = self.op("ReduceMean", x, axes=[-1])
        centred = self.op("Sub", x, mean)
        variance = self.op("ReduceMean", self.op("Pow", centred, self.number(2.0)), axes=[-1])
        deviation = self.op("Sqrt", self.op("Add", variance, self.number(float(layer.epsilon))))
        return self.op("Add", self.op("Mul", self.op("Div", centred, deviation), scale), shift, name=name)

    def activation(self, name, x):
        """One of those of `BertConfig`."""
        kind = ACTIVATIONS[name]
        if kind == "gelu_erf":
            inner = self.op("Add", self.op("Erf", self.op("Div", x, self.number(math.sqrt(2)))), self.number(1.0))
            return self.op("Mul", self.op("Mul", x, inner), self.number(0.5))
        if kind == "gelu_tanh":
            cubic = self.op("Mul", self.op("Pow", x, self.number(3.0)), self.number(0.044715))
            inner = self.op("Mul", self.op("Add", x, cubic), self.number(math.sqrt(2 / math.pi)))
            return self.op(
                "Mul", self.op("Mul", x, self.number(0.5)), self.op("Add", self.op("Tanh", inner), self.number(1.0))
            )
        if kind == "mish":
            return self.op("Mul", x, self.op("Tanh", self.op("Softplus", x)))
        if kind == "quick_gelu":
            return self.op("Mul", x, self.op("Sigmoid", self.op("Mul", x, self.number(1.702))))
        if kind == "relu6":
            return self.op("Clip", x, self.number(0.0), self.number(6.0))
        if kind == "silu":
            return self.op("Mul", x, self.op("Sigmoid", x))
        return self.op({"linear": "Identity", "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}[kind], x)

    def model(self, inputs, outputs, metadata):
        """The checked ModelProto.

        Args:
            inputs, outputs: {name: shape}, of whose sizes strings are free; ids int32 in, float32 out.
            metadata: {key: text}.
        """
        values = [
            [helper.make_tensor_value_info(name, kind, shape) for name, shape in given.items()]
            for given, kind in ((inputs, TensorProto.INT32), (outputs, TensorProto.FLOAT))
        ]
        weights = list(self.weights.values())
        graph = helper.make_graph(self.nodes, "tfbert", *values, initializer=weights, value_info=self._shapes)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="tfbert")
        model.ir_version = 7  # the first that has this opset; a newer one shuts out older runtimes
        helper.set_model_props(model, metadata)
        onnx.checker.check_model(model, full_check=True)
        return model


def write_encoder(graph, encoder):
    """Adds the encoder over the inputs token_ids, segment_ids and padding_mask; returns the name of [B, S, H]."""
    config, embeddings = encoder.config, encoder.embeddings
    parts = ("token", "position", "segment") if config.type_vocab_size else ("token", "position")
    tables = {part: graph.weight(f"embeddings.{part}", getattr(embeddings, part).embeddings.numpy()) for part in parts}
    length = graph.op("Slice", graph.op("Shape", "token_ids"), graph.integers(1), graph.integers(2))
    positions = graph.op("Slice", tables["position"], graph.integers(0), length, graph.integers(0))
    x = graph.op("Add", graph.op("Gather", tables["token"], "token_ids"), positions)
    if "segment" in tables:
        x = graph.op("Add", x, graph.op("Gather", tables["segment"], "segment_ids"))
    # The length of a slice is unknown to inference, and what is unknown ONNX Runtime does not fuse.
    x = graph.has_shape(x, ["batch", "sequence", config.hidden_size])
    x = graph.layer_norm(embeddings.layer_norm, x, "embeddings.layer_norm")

    mask = graph.op("Unsqueeze", graph.op("Unsqueeze", "padding_mask", axes=[1]), axes=[2])
    mask = graph.op("Cast", mask, to=TensorProto.FLOAT)
    mask = graph.op("Mul", graph.op("Sub", graph.number(1.0), mask), graph.number(MASKED))  # [B, 1, 1, S]
    for i, block in enumerate(encoder.blocks):
        attended = _attention(graph, config, block.attention, x, mask, f"block_{i}.attention")
        x = graph.layer_norm(block.attention_norm, graph.op("Add", attended, x), f"block_{i}.attention_norm")
        forward = graph.dense(block.feed_forward.intermediate, x, f"block_{i}.intermediate")
        forward = graph.activation(config.hidden_act, forward)
        forward = graph.dense(block.feed_forward.output_dense, forward, f"block_{i}.output")
        last = "sequence_output" if i == len(encoder.blocks) - 1 else f"block_{i}.output_norm"
        x = graph.layer_norm(block.output_norm, graph.op("Add", forward, x), last)
    return x


def write_pooler(graph, encoder, sequence_output):
    """Adds the pooler; returns the name of pooled_output [B, H]."""
    first = graph.op("Gather", sequence_output, graph.weight("first", np.array(0, np.int64)), axis=1)
    pooled = graph.activation(encoder.config.pooler_act, graph.dense(encoder.pooler, first, "pooler"))
    return graph.op("Identity", pooled, name="pooled_output")


def _attention(graph, config, layer, x, mask, name):
    heads = graph.integers(0, 0, config.num_attention_heads, config.head_size)

    def split(part, order):  # [B, S, H] -> [B, N, S, D], or as the transposed key [B, N, D, S]
        dense = graph.dense(getattr(layer, part), x, f"{name}.{part}")
        return graph.op("Transpose", graph.op("Reshape", dense, heads), perm=order)

    query, key, value = split("query", (0, 2, 1, 3)), split("key", (0, 2, 3, 1)), split("value", (0, 2, 1, 3))
    scores = graph.op("MatMul", query, key)
    scores = graph.op("Div", scores, graph.number(math.sqrt(config.head_size)))
    probs = graph.op("Softmax", graph.op("Add", scores, mask), axis=3)
    context = graph.op("Transpose", graph.op("MatMul", probs, value), perm=(0, 2, 1, 3))
    context = graph.op("Reshape", context, graph.integers(0, 0, config.hidden_size))
    return graph.dense(layer.output_dense, context, f"{name}.output")
