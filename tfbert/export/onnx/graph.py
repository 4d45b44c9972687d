"""Writes ONNX graphs in the form that ONNX Runtime fuses.

Written with onnx' own helper and not by tf2onnx: in the graph that tf2onnx 1.17 makes of the Keras model ONNX Runtime
finds neither LayerNorm nor Attention.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tfbert.encoders.layers.activations import ACTIVATIONS

# The newest whose Unsqueeze and Cast ONNX Runtime's AttentionFusion knows (attention_fusion_helper.h).
# LayerNormalization and Gelu came later (17 and 20): both are spelled out as LayerNormFusion and GeluFusion know them.
OPSET = 12


class GraphWriter:
    """Collects the nodes and weights of a graph; `op` returns the name of what a node computes.

    >>> graph = GraphWriter()
    >>> graph.op("Add", "x", graph.weight("bias", np.zeros(3, np.float32)), name="sum")
    'sum'
    """

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, TensorProto] = {}
        self._shapes: list[onnx.ValueInfoProto] = []

    def weight(self, name: str, value: Any) -> str:
        """A constant of the graph, written once."""
        if name not in self.weights:
            self.weights[name] = numpy_helper.from_array(np.asarray(value), name)
        return name

    def integers(self, *values: int) -> str:
        """A vector of int64, as shapes and axes are."""
        return self.weight("integers_" + "_".join(map(str, values)), np.array(values, np.int64))

    def number(self, value: float) -> str:
        """A float32 scalar."""
        return self.weight(f"number_{value!r}", np.array(value, np.float32))

    def op(self, kind: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        name = name or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def cast(self, x: str, dtype: str) -> str:
        """`x` as "float32", "int64" or "bool"."""
        return self.op("Cast", x, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def first_token(self, x: str) -> str:
        """The vectors [B, H] of the first tokens of [B, S, H]."""
        return self.op("Gather", x, self.weight("first", np.array(0, np.int64)), axis=1)

    def has_shape(self, name: str, shape: Sequence[int | str]) -> str:
        """States the shape of a float32 tensor that ONNX' own inference does not find."""
        self._shapes.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def dense(self, layer: keras.layers.Dense, x: str, name: str) -> str:
        """A Keras Dense layer without its activation, of [..., in]."""
        product = self.op("MatMul", x, self.weight(f"{name}.kernel", layer.kernel.numpy()))
        if layer.bias is None:
            return product
        return self.op("Add", product, self.weight(f"{name}.bias", layer.bias.numpy()))

    def layer_norm(
        self, layer: keras.layers.LayerNormalization, x: str, name: str, *, weights: str | None = None
    ) -> str:
        """A LayerNorm, whose output has the name; `weights` is the name of its weights where that differs."""
        names = {part: f"{weights or name}.{part}" for part in ("gamma", "beta")}
        gamma = layer.gamma.numpy()
        beta = np.zeros_like(gamma) if layer.beta is None else layer.beta.numpy()  # ONNX Runtime fuses none without it
        scale, shift = self.weight(names["gamma"], gamma), self.weight(names["beta"], beta)
        mean = self.op("ReduceMean", x, axes=[-1])
        centred = self.op("Sub", x, mean)
        variance = self.op("ReduceMean", self.op("Pow", centred, self.number(2.0)), axes=[-1])
        deviation = self.op("Sqrt", self.op("Add", variance, self.number(float(layer.epsilon))))
        return self.op("Add", self.op("Mul", self.op("Div", centred, deviation), scale), shift, name=name)

    def activation(self, name: str, x: str) -> str:
        """One of `ACTIVATIONS`."""
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

    def model(
        self,
        inputs: Mapping[str, Sequence[int | str]],
        outputs: Mapping[str, Sequence[int | str]],
        metadata: Mapping[str, str],
    ) -> onnx.ModelProto:
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
        graph = helper.make_graph(
            self.nodes, "tfbert", values[0], values[1], initializer=weights, value_info=self._shapes
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="tfbert")
        model.ir_version = 7  # the first that has this opset; a newer one shuts out older runtimes
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model, full_check=True)
        return model
