"""Weight tables: what a format calls each variable of a network, how it lays it out, and which shape it has.

Dimensions: V vocabulary, E embedding width, H hidden, N heads, D head size, I intermediate, P positions, T token types.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

# How a format lays out a tensor. tfbert's own layout is [in, out], [out] or, for an embedding, [rows, width].
AS_IS = "as is"
TRANSPOSED = "transposed"  # [out, in], as PyTorch
BY_HEAD_OUT = "by head, out"  # [in, N, D] of [in, H], and [N, D] of [H], as Keras' MultiHeadAttention
BY_HEAD_IN = "by head, in"  # [N, D, out] of [H, out]


class Row(NamedTuple):
    """One variable: its name, the format's tensor, the layout there and, in a family's own table, its shape.

    Args:
        variable: the path below its layer; `{i}` is the number of a block.
        tensor: the format's name; `{i}` as above, `{_i}` is empty in the first block, then "_1", "_2", ….
        shape: letters of dimensions, such as "V H"; "" if another table gives it, or no configuration determines it.
        is_written: False for a second name, which some files have and tfbert only reads.
        of: the head, such as "SequenceClassification", whose files have this name; "" for those of all other heads.
        outside: whether the tensor is not the encoder's own, so that it has no prefix in files with heads.
        part: (i, n): the variable is the i-th, from 0 on, of n equal parts of the tensor, along tfbert's last axis.
        first_block: the number of the first block that has the variable.
        skips: how many rows at the variable's start the tensor lacks; they are 0 where it is read.
        plus: another variable, of one row, that is added to each row of the tensor; it is 0 where it is read.
    """

    variable: str
    tensor: str
    layout: str = AS_IS
    shape: str = ""
    is_written: bool = True
    of: str = ""
    outside: bool = False
    part: tuple[int, int] = (0, 1)
    first_block: int = 0
    skips: int = 0
    plus: str = ""


@dataclasses.dataclass(frozen=True)
class WeightTable:
    """All rows of a format for a family. If a variable has several rows, the first one that the file has is read.

    Args:
        encoder: variables that every checkpoint has.
        pooler: variables that make the text vector; a checkpoint has all of them or none.
        heads: {name of a head layer: its rows}; a checkpoint has all of a head or none of it.
        prefix: what files with heads put before the names of the encoder's and the pooler's tensors.

    >>> table = WeightTable((Row("token/embeddings", "emb.weight", shape="V H"),), prefix="net.")
    >>> [row.tensor for row in table]
    ['emb.weight']
    """

    encoder: tuple[Row, ...]
    pooler: tuple[Row, ...] = ()
    heads: Mapping[str, tuple[Row, ...]] = dataclasses.field(default_factory=dict)
    prefix: str = ""

    def __iter__(self) -> Iterator[Row]:
        """All rows, with `{i}` in their names."""
        yield from (*self.encoder, *self.pooler, *(row for rows in self.heads.values() for row in rows))

    def shapes(self, config: Any) -> dict[str, tuple[int, ...]]:
        """{variable: shape} of the rows whose shape the configuration determines."""
        sizes = config.dimensions
        return {
            row.variable: tuple(sizes[name] for name in row.shape.split())
            for row in expand(self, config.num_hidden_layers)
            if row.shape
        }

    def names_of(self, rows: Iterable[Row], num_layers: int) -> frozenset[str]:
        """The variables of some of the rows."""
        return frozenset(row.variable for row in expand(rows, num_layers))

    def base_variables(self, num_layers: int) -> frozenset[str]:
        """The variables of the encoder and its pooler."""
        return self.names_of((*self.encoder, *self.pooler), num_layers)

    def with_head(self, head: str) -> Iterator[Row]:
        """The rows that a file with a head is written by, such as "SequenceClassification"; "" for a bare encoder."""
        by_variable: dict[str, list[Row]] = {}
        for row in self:
            if row.is_written:
                by_variable.setdefault(row.variable, []).append(row)
        chosen = [
            row
            for rows in by_variable.values()
            for row in [row for row in rows if row.of == head] or [row for row in rows if not row.of] or rows[:1]
        ]
        of_head = {row.tensor for row in chosen if row.of == head and head}
        yield from (row for row in chosen if row.of == head or row.tensor not in of_head)

    def read_with(self, head: str) -> list[Row]:
        """The rows that a file with a head is read by.

        Of the rows of one tensor these are the head's, if it has any, else those of no head, if there are any.
        """
        heads: dict[str, set[str]] = {}
        for row in self:
            heads.setdefault(row.tensor, set()).add(row.of)

        def is_read(row: Row) -> bool:
            known = heads[row.tensor]
            return row.of == head if head in known else not row.of or "" not in known

        return [row for row in self if is_read(row)]


# The shapes of the kernels of an `EncoderBlock`; its other layers are LayerNorms.
_KERNELS = {
    **dict.fromkeys((f"attention/{name}" for name in ("query", "key", "value", "output")), "H H"),
    "feed_forward/intermediate": "H I",
    "feed_forward/output": "I H",
}


def torch_block(block: str, layer: str, names: Mapping[str, str]) -> tuple[Row, ...]:
    """The rows of an `EncoderBlock` in files of PyTorch, whose layers are Linear and LayerNorm there.

    Args:
        block, layer: our name of it and the format's, with `{i}`.
        names: {path of a layer in the block: its name in the format}.

    >>> [row.tensor for row in torch_block("block_{i}", "layer.{i}", {"attention/query": "self.query"})]
    ['layer.{i}.self.query.weight', 'layer.{i}.self.query.bias']
    """
    rows: list[Row] = []
    for path, name in names.items():
        ours, theirs = f"{block}/{path}", f"{layer}.{name}"
        if shape := _KERNELS.get(path):
            rows.append(Row(f"{ours}/kernel", f"{theirs}.weight", TRANSPOSED, shape))
            rows.append(Row(f"{ours}/bias", f"{theirs}.bias", shape=shape[-1]))
        else:
            rows.append(Row(f"{ours}/gamma", f"{theirs}.weight", shape="H"))
            rows.append(Row(f"{ours}/beta", f"{theirs}.bias", shape="H"))
    return tuple(rows)


def expand(rows: Iterable[Row], num_layers: int) -> list[Row]:
    """The rows, with a row for each block in place of one with `{i}`.

    >>> [row.tensor for row in expand([Row("block_{i}/bias", "layer.{i}.bias")], 2)]
    ['layer.0.bias', 'layer.1.bias']
    """
    return [row for given in rows for row in _repeated(given, num_layers)]


def _repeated(row: Row, num_layers: int) -> Iterator[Row]:
    for i in range(row.first_block, num_layers) if "{i}" in row.variable else (0,):
        yield row._replace(variable=row.variable.format(i=i), tensor=row.tensor.format(i=i, _i=f"_{i}" if i else ""))


_LAST_NAMES = {"kernel": "weight", "embeddings": "weight", "gamma": "weight", "beta": "bias", "bias": "bias"}


def default_row(variable: str) -> Row:
    """The row of a head's variable that no table has. The tensor is named as in PyTorch's Linear and LayerNorm.

    >>> default_row("scorer/kernel")[:3]
    ('scorer/kernel', 'scorer.weight', 'transposed')
    """
    *path, last = variable.split("/")
    tensor = ".".join([*path, _LAST_NAMES.get(last, "weight")])
    return Row(variable, tensor, TRANSPOSED if last == "kernel" else AS_IS)


def relative_variables(layer: Any) -> dict[str, Any]:
    """{path below the layer: variable}, whatever model the layer is in.

    >>> list(relative_variables(encoder))[0]
    'embeddings/token/embeddings'
    """
    return {variable.path.rpartition(f"{layer.name}/")[2]: variable for variable in layer.weights}


def variable_shape(stored: tuple[int, ...], row: Row) -> tuple[int, ...] | None:
    """A variable's shape in tfbert's layout; None if its tensor has another number of axes, or no such parts."""
    shape, parts = layout_shape(stored, row.layout), row.part[1]
    if shape and row.skips:
        shape = (shape[0] + row.skips, *shape[1:])
    if not shape or parts == 1:
        return shape
    return None if shape[-1] % parts else (*shape[:-1], shape[-1] // parts)


def layout_shape(stored: tuple[int, ...], layout: str) -> tuple[int, ...] | None:
    """A tensor's shape in tfbert's layout; None if it has another number of axes than the layout."""
    if layout == BY_HEAD_OUT and len(stored) in (2, 3):
        return (*stored[:-2], stored[-2] * stored[-1])
    if layout == BY_HEAD_IN and len(stored) == 3:
        return (stored[0] * stored[1], stored[2])
    if layout in (AS_IS, TRANSPOSED) and len(stored) in (1, 2):
        return stored[::-1] if layout == TRANSPOSED else stored
    return None


def stored_shape(shape: tuple[int, ...], row: Row, heads: int) -> tuple[int, ...]:
    """The shape of a variable's tensor, in its row's layout."""
    if row.part[1] > 1:
        shape = (*shape[:-1], shape[-1] * row.part[1])
    if row.skips:
        shape = (shape[0] - row.skips, *shape[1:])
    if row.layout == TRANSPOSED:
        return tuple(shape[::-1])
    if row.layout == BY_HEAD_OUT:
        return (*shape[:-1], heads, shape[-1] // heads)
    if row.layout == BY_HEAD_IN:
        return (heads, shape[0] // heads, shape[1])
    return tuple(shape)


def from_layout(value: np.ndarray, row: Row) -> np.ndarray:
    """The variable in a format's array, in tfbert's layout."""
    value = value.T if row.layout == TRANSPOSED else value.reshape(layout_shape(value.shape, row.layout))
    if row.skips:
        value = np.pad(value, ((row.skips, 0), *((0, 0),) * (value.ndim - 1)))
    number, parts = row.part
    return value if parts == 1 else np.split(value, parts, axis=-1)[number]
