"""The weights of a network under tfbert's names: of layers, and of a checkpoint that a format has opened."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tfbert.checkpoints.added_rows import with_added_rows
from tfbert.checkpoints.tensor_files.tensor_file import TensorFile
from tfbert.encoders import families
from tfbert.encoders.config import EncoderConfig
from tfbert.encoders.weight_table import (
    BY_HEAD_IN,
    BY_HEAD_OUT,
    TRANSPOSED,
    Row,
    WeightTable,
    default_row,
    expand,
    from_layout,
    relative_variables,
    stored_shape,
    variable_shape,
)
from tfbert.errors import CheckpointError

# Weights of trained networks are far smaller; numbers in the wrong byte order soon exceed it.
_LARGEST = 1e9


def named_head(values: Mapping[str, Any]) -> str | None:
    """Hugging Face's name for the head in the `architectures` of a config.json; None if it names no class."""
    names = values.get("architectures")
    return names[0].partition("For")[2] if isinstance(names, list) and names and isinstance(names[0], str) else None


class Weights:
    """Variables under tfbert's names, one at a time: what a format writes, and what a `Source` is.

    Attributes:
        config: the encoder's configuration, which also determines the family.
        shapes: {variable: shape in tfbert's layout}, the heads' among them.
        task_heads: names of heads that may have variables which no table has.
    """

    config: EncoderConfig
    shapes: dict[str, tuple[int, ...]]
    task_heads: frozenset[str] = frozenset()

    @property
    def family(self) -> families.Family:
        return families.family_of(self.config)

    @property
    def table(self) -> WeightTable:
        """The family's own: Hugging Face's names, with all shapes."""
        return self.family.table(self.config)

    def value(self, variable: str) -> np.ndarray:
        """float32 array in tfbert's layout."""
        raise NotImplementedError

    def heads(self) -> tuple[str, ...]:
        """Names of the heads: predictions, seq_relationship, classifier, qa_outputs, dense, or a task's own."""
        inner = self.table.base_variables(self.config.num_hidden_layers)
        return tuple(dict.fromkeys(name.split("/")[0] for name in self.shapes if name not in inner))


class LayerWeights(Weights):
    """The weights of built layers: an encoder, without its pooler where that is untrained, and {name: head layer}."""

    def __init__(self, encoder: Any, heads: Mapping[str, Any], *, pooler: bool = True):
        self.config = encoder.config
        self._variables = relative_variables(encoder)
        if not pooler:
            untrained = self.table.names_of(self.table.pooler, self.config.num_hidden_layers)
            self._variables = {n: value for n, value in self._variables.items() if n not in untrained}
        self.task_heads = frozenset(heads)
        for name, layer in heads.items():
            self._variables |= {f"{name}/{path}": variable for path, variable in relative_variables(layer).items()}
        self.shapes = {name: tuple(variable.shape) for name, variable in self._variables.items()}

    def value(self, variable: str) -> np.ndarray:
        return np.asarray(self._variables[variable])


class PartOf(Weights):
    """Some variables of other `Weights`, under another configuration; a variable that those lack is 0."""

    def __init__(self, source: Weights, config: EncoderConfig, shapes: dict[str, tuple[int, ...]]):
        self._source, self.config, self.shapes = source, config, shapes

    def value(self, variable: str) -> np.ndarray:
        if variable not in self._source.shapes:
            return np.zeros(self.shapes[variable], np.float32)
        return self._source.value(variable)


class Source(Weights):
    """An opened checkpoint in some format; `checkpoints.open_checkpoint` returns one.

    Opening compares all shapes with the configuration, so that wrong shapes cannot make it allocate memory.

    Attributes:
        description: what it is and where, for messages.
        folder: where its vocabulary and JSON files lie.
        values: all of its config JSON, for heads and labels.
        modules: the folder of modules.json, of sentence-transformers; None elsewhere.
        lower_case: whether texts are lower-cased before anything else, as sentence-transformers may ask for.
        has_tokenizer_files: whether its tokenizer's files are in Hugging Face's format.

    Args:
        files: [(rows of a format's table, the tensor file that holds them)].
    """

    description: str
    folder: pathlib.Path
    values: dict[str, Any]
    modules: pathlib.Path | None = None
    lower_case = False
    has_tokenizer_files = True

    def __init__(
        self,
        description: str,
        folder: Any,
        config: EncoderConfig,
        values: dict[str, Any],
        files: Iterable[tuple[Iterable[Row], TensorFile]],
    ):
        self.description, self.folder, self.config, self.values = description, pathlib.Path(folder), config, values
        self._found: dict[str, tuple[Row, TensorFile]] = {}
        self._lacking: dict[str, str] = {}  # variable -> its tensor, which no file has
        self._file: TensorFile | None = None  # the first, where a task may look for a head of its own
        self._grown: set[str] = set()  # variables with rows that the file lacks
        self._zero: set[str] = set()  # variables that the format holds in another one's tensor
        self.shapes = {}
        for rows, file in files:
            self.add(rows, file)
        self._check_whole()

    def value(self, variable: str) -> np.ndarray:
        """float32 array in tfbert's layout. Raises CheckpointError: damaged, no numbers, or no finite ones."""
        if variable in self._zero:
            return np.zeros(self.shapes[variable], np.float32)
        row, file = self._found[variable]
        value = np.asarray(from_layout(file.read(row.tensor), row), np.float32)
        if not (-_LARGEST < value.min(initial=0) and value.max(initial=0) < _LARGEST):  # false of NaN as well
            raise CheckpointError(
                f"{self.description}: tensor {row.tensor} holds numbers that are no weights (NaN, infinite or beyond "
                f"{_LARGEST:.0e}): the training went wrong, or the file is damaged or in another byte order"
            )
        if variable in self._grown and len(value) < self.config.vocab_size:
            return with_added_rows(value, self.config.vocab_size, self.config.initializer_range)
        return value

    def add_rows(self, vocab_size: int) -> None:
        """Gives the tables of tokens rows for further tokens, `vocab_size` in all; see `added_rows`."""
        rows = expand(self.table, self.config.num_hidden_layers)
        self._grown = {row.variable for row in rows if row.shape.startswith("V") and row.variable in self.shapes}
        self.config = dataclasses.replace(self.config, vocab_size=vocab_size)
        for name in self._grown:
            self.shapes[name] = (vocab_size, *self.shapes[name][1:])

    def tensor_name(self, variable: str) -> str:
        """What the format calls it."""
        return self._found[variable][0].tensor if variable in self._found else self._lacking.get(variable, variable)

    def hugging_face_head(self) -> str:
        """Hugging Face's name for the head, such as "SequenceClassification"; by `architectures`, or by the heads."""
        if (named := named_head(self.values)) is not None:
            return named
        heads = self.heads()
        if "predictions" in heads:
            by_head = {"predictions": "PreTraining" if "seq_relationship" in heads else "MaskedLM"}
        else:
            by_head = {}
        by_head = {"classifier": "SequenceClassification", "qa_outputs": "QuestionAnswering", **by_head}
        return next((name for head, name in by_head.items() if head in heads), "")

    def label_names(self) -> tuple[str, ...]:
        """Names of the classifier's logits: the configuration's, or LABEL_0, LABEL_1, …; () without a classifier."""
        if "classifier/bias" not in self.shapes:
            return ()
        count = self.shapes["classifier/bias"][0]
        named = self.values.get("id2label") or {}
        if not isinstance(named, Mapping):
            raise CheckpointError(f"{self.description}: id2label must be an object, not {str(named):.40}")
        if len(named) != count:
            return tuple(f"LABEL_{i}" for i in range(count))
        try:
            return tuple(str(named[key]) for key in sorted(named, key=int))
        except (TypeError, ValueError):
            raise CheckpointError(f"{self.description}: id2label has a key that is no number") from None

    def tokenizer(self) -> Any:
        """The `Tokenizer` of the folder; empty lines that end its vocabulary are no tokens where there are no rows
        of the embedding for them. Raises VocabularyError and ConfigError."""
        from tfbert.text import Tokenizer

        tokenizer = Tokenizer.from_folder(self.folder)
        tokens = list(tokenizer.vocabulary)
        if len(tokens) > self.config.vocab_size and not any(tokens[self.config.vocab_size :]):
            tokenizer = Tokenizer.from_config(
                {**tokenizer.get_config(), "vocabulary": tokens[: self.config.vocab_size]}
            )
        return tokenizer.lowered() if self.lower_case else tokenizer

    def __str__(self) -> str:
        c = self.config
        heads = ", ".join(self.heads()) or "none"
        sizes = f"{c.num_hidden_layers} layers, hidden size {c.hidden_size}, {c.vocab_size} tokens"
        return f"{self.description}: {sizes}; heads: {heads}"

    def add(self, rows: Iterable[Row], file: TensorFile) -> None:
        """Finds rows of a table in a tensor file. Raises CheckpointError: of another shape than configured."""
        rows = tuple(rows)
        # checked before `expand` makes a row for each layer: a configuration may give any number
        if any("{i}" in row.variable for row in rows) and self.config.num_hidden_layers > len(file.shapes):
            raise CheckpointError(
                f"{self.description}: {len(file.shapes)} tensors are too few for {self.config.num_hidden_layers} layers"
            )
        self._file = self._file or file
        wanted = self.table.shapes(self.config)
        for row in expand(rows, self.config.num_hidden_layers):
            shape = file.shapes.get(row.tensor)
            if shape is None:
                self._lacking.setdefault(row.variable, row.tensor)
            elif row.variable not in self._found:  # of two names of one variable the first is read
                self.shapes[row.variable] = self._shape(row, shape, wanted.get(row.variable))
                self._found[row.variable] = row, file
                if row.plus:
                    self.shapes[row.plus] = wanted[row.plus]
                    self._zero.add(row.plus)

    def look_for(self, variables: Iterable[str]) -> None:
        """Finds variables of a head that the family's table does not have, under `default_row`'s names."""
        known = self.table.names_of(self.table, self.config.num_hidden_layers)
        rows = [default_row(name) for name in variables if name not in self._found and name not in known]
        for row in rows:
            if self._file is not None and row.tensor in self._file.shapes:
                self.add((row,), self._file)

    def _shape(self, row: Row, stored: tuple[int, ...], wanted: tuple[int, ...] | None) -> tuple[int, ...]:
        heads, size = self.config.num_attention_heads, self.config.head_size
        by_head = {BY_HEAD_OUT: tuple(stored[-2:]), BY_HEAD_IN: tuple(stored[:2])}.get(row.layout, (heads, size))
        shape = variable_shape(tuple(stored), row)
        if shape is None or (wanted is not None and shape != wanted) or by_head != (heads, size):
            asked = "" if wanted is None else f"; the configuration asks for {list(stored_shape(wanted, row, heads))}"
            raise CheckpointError(f"{self.description}: tensor {row.tensor} has the shape {list(stored)}{asked}")
        return shape

    def _check_whole(self) -> None:
        """An encoder needs all its tensors; the pooler and each head are there whole or not at all."""
        table, layers = self.table, self.config.num_hidden_layers
        of_encoder = table.names_of(table.encoder, layers)
        lacking = [name for name in self._lacking if name not in self.shapes]
        begun = {name.split("/")[0] for name in self.shapes if name not in of_encoder}
        for what, needed in (
            ("the encoder", [name for name in lacking if name in of_encoder]),
            ("a head", [name for name in lacking if name.split("/")[0] in begun]),
        ):
            if needed:
                names = [self._lacking[name] for name in needed]
                listed = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
                raise CheckpointError(f"{self.description} lacks {len(names)} tensors of {what}: {listed}")
        for head in begun:  # no configuration gives its number of outputs
            kernel, bias = (self.shapes.get(f"{head}/{name}") for name in ("kernel", "bias"))
            if kernel and bias and (len(kernel) != 2 or kernel[1:] != bias):
                raise CheckpointError(
                    f"{self.description}: {self.tensor_name(f'{head}/kernel')} and "
                    f"{self.tensor_name(f'{head}/bias')} have {list(kernel)} and {list(bias)}, which do not go together"
                )


def check_rows(weights: Weights, rows: Iterable[Row], form: str) -> None:
    """Raises CheckpointError: a variable has no row in the format's table and would be lost."""
    known = {name for row in expand(rows, weights.config.num_hidden_layers) for name in (row.variable, row.plus)}
    lost = [name for name, shape in weights.shapes.items() if name not in known and 0 not in shape]
    if lost:
        raise CheckpointError(f"{form} has no place for {', '.join(lost)}; leave it out, or write another format")


def rows_to_write(weights: Weights, rows: Iterable[Row]) -> list[tuple[Row, tuple[int, ...]]]:
    """[(row, shape in the format's layout)] for all variables that a table has and the weights hold."""
    c = weights.config
    held = [row for row in expand(rows, c.num_hidden_layers) if row.is_written and row.variable in weights.shapes]
    return [(row, stored_shape(weights.shapes[row.variable], row, c.num_attention_heads)) for row in held]


def stored_value(weights: Weights, row: Row, shape: tuple[int, ...], *others: Row) -> np.ndarray:
    """A tensor's contiguous array in the format's layout; `others` are the rows of its other parts, in their order."""
    value = weights.value(row.variable)[row.skips :]
    if row.plus:
        value = value + weights.value(row.plus)
    if others:
        value = np.concatenate([value, *(weights.value(other.variable) for other in others)], axis=-1)
    return np.ascontiguousarray(value.T if row.layout == TRANSPOSED else value.reshape(shape), np.float32)
