"""ONNX model -> file in int8 by dynamic quantization. B batch, S sequence, H hidden."""

from __future__ import annotations

import copy
import logging
import os

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime import quantization

_LEAST = np.float32(1e-6)  # a row of zeros is divided by this


def quantize(model: onnx.ModelProto, path: str | os.PathLike) -> None:
    """Writes a ModelProto with products and tables in int8, activations quantized at run time.

    There is a scale for each column of a matrix and for each token's activations. One for a whole matrix costs three
    times the error. ONNX has one for all activations of a batch, which the large numbers of a few tokens ([CLS], [SEP])
    make coarse for the others: each row is therefore divided by its largest number before a product and multiplied by
    it afterwards.

    Weights have 7 bits: processors without VNNI add products in 16 bits, where those of 8 overflow, so that a file
    made and checked on one machine would answer otherwise on another. Operations are those of the ONNX standard.
    """
    model = copy.deepcopy(model)
    _scale_rows(model.graph)
    logging.disable(logging.WARNING)  # it advises preprocessing, which the graph does not need: its shapes are known
    try:
        quantization.quantize_dynamic(
            model, path, per_channel=True, reduce_range=True, weight_type=quantization.QuantType.QInt8
        )
    finally:
        logging.disable(logging.NOTSET)


def _scale_rows(graph):
    """x W becomes (x / r) W r, where r is the largest number of each row of x, [B, S, 1] of [B, S, H]."""
    weights = {weight.name for weight in graph.initializer}
    graph.initializer.append(numpy_helper.from_array(_LEAST, "least"))
    nodes, scaled = [], {}
    for node in graph.node:
        if node.op_type != "MatMul" or node.input[1] not in weights:
            nodes.append(node)
            continue
        x, product = node.input[0], node.output[0]
        if x not in scaled:  # query, key and value read the same
            scaled[x] = size, unit = f"{x}_size", f"{x}_unit"
            nodes += [
                helper.make_node("Abs", [x], [f"{x}_abs"]),
                helper.make_node("ReduceMax", [f"{x}_abs"], [f"{x}_max"], axes=[-1]),
                helper.make_node("Max", [f"{x}_max", "least"], [size]),
                helper.make_node("Div", [x, size], [unit]),
            ]
        size, unit = scaled[x]
        node.input[0], node.output[0] = unit, f"{product}_unit"
        nodes += [node, helper.make_node("Mul", [f"{product}_unit", size], [product])]
    del graph.node[:]
    graph.node.extend(nodes)
