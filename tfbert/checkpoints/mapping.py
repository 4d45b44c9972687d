"""What all checkpoint formats share: a table of names, and loading and writing that follow the table."""

import collections
import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np

from tfbert.config import BertConfig
from tfbert.errors import CheckpointError

# One line of a format's table: tfbert's variable, the format's tensor, whether its two axes are swapped.
Row = collections.namedtuple("Row", "variable tensor transposed")


class Source:
    """An opened checkpoint in some format; `checkpoints.open_checkpoint` returns one.

    Attributes:
        description: what it is and where, for messages.
        folder: where its vocabulary and JSON files lie.
        config: its `BertConfig`.
        values: all of its config JSON, for heads and labels.
        shapes: tensor name -> shape.
    """

    encoder_table: tuple[Row, ...] = ()
    head_tables: Mapping[str, tuple[Row, ...]] = {}

    description: str
    folder: pathlib.Path
    config: BertConfig
    values: dict
    shapes: dict

    def read(self, name):
        """The tensor as a numpy array in its stored dtype."""
        raise CheckpointError(f"{self.description} has no reader")


@dataclasses.dataclass(frozen=True)
class LoadReport:
    """Which variables came from the checkpoint and which it lacks (they keep their random start)."""

    loaded: tuple[str, ...]
    missing: tuple[str, ...]


def expand(table, num_layers):
    """The rows with `{i}` written out for each layer."""
    rows = []
    for row in table:
        repeats = range(num_layers) if "{i}" in row.variable else (0,)
        rows += [Row(row.variable.format(i=i), row.tensor.format(i=i), row.transposed) for i in repeats]
    return rows


def relative_variables(layer):
    """{path below the layer: variable}, whatever model the layer sits in.

    >>> list(relative_variables(encoder))[0]
    'embeddings/token/embeddings'
    """
    return {variable.path.rpartition(f"{layer.name}/")[2]: variable for variable in layer.weights}


def load_encoder(encoder, source):
    """Loads a built `BertEncoder` from an opened checkpoint. Only the pooler may be missing.

    Raises:
        CheckpointError: tensors are missing, or have another shape; each is named.
    """
    rows = expand(source.encoder_table, encoder.config.num_hidden_layers)
    report = _load(relative_variables(encoder), rows, source)
    needed = [name for name in report.missing if not name.startswith("pooler/")]
    if needed:
        names = {row.variable: row.tensor for row in rows}
        listed = ", ".join(names[name] for name in needed[:5]) + (" …" if len(needed) > 5 else "")
        raise CheckpointError(f"{source.description} lacks {len(needed)} tensors of the encoder: {listed}")
    return report


def load_head(head, name, source):
    """Loads a built head layer; a head that the checkpoint lacks, or has in another size, stays random."""
    variables = {f"{name}/{path}": variable for path, variable in relative_variables(head).items()}
    rows = [row for row in source.head_tables.get(name, ()) if row.variable in variables]
    fitting = [row for row in rows if _shape(row, source) == tuple(variables[row.variable].shape)]
    if not rows or len(fitting) < len(rows):
        return LoadReport((), tuple(variables))
    return _load(variables, rows, source)


def tensors_to_write(variables, rows):
    """Yields (tensor name, numpy array) in the format's own layout, one at a time."""
    for row in rows:
        value = np.asarray(variables[row.variable])
        yield row.tensor, np.ascontiguousarray(value.T if row.transposed else value)


def _load(variables, rows, source):
    loaded, missing = [], []
    for row in rows:
        variable = variables[row.variable]
        shape = _shape(row, source)
        if shape is None:
            missing.append(row.variable)
            continue
        if shape != tuple(variable.shape):
            stored = source.shapes[row.tensor]
            wanted = tuple(variable.shape)[::-1] if row.transposed else tuple(variable.shape)
            raise CheckpointError(
                f"{source.description}: tensor {row.tensor} has the shape {list(stored)}; "
                f"the configuration asks for {list(wanted)}"
            )
        value = source.read(row.tensor)
        variable.assign(value.T if row.transposed else value)
        loaded.append(row.variable)
    return LoadReport(tuple(loaded), tuple(missing))


def _shape(row, source):
    shape = source.shapes.get(row.tensor)
    if shape is None:
        return None
    return tuple(shape)[::-1] if row.transposed else tuple(shape)
