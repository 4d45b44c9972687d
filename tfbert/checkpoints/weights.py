"""The weights of a network under tfbert's names: of layers, and of a checkpoint that a format's table has opened."""

import pathlib

import numpy as np

from tfbert.encoders.bert.config import BertConfig
from tfbert.encoders.weight_table import (
    BY_HEAD_IN,
    BY_HEAD_OUT,
    DECODER,
    TRANSPOSED,
    expand,
    from_layout,
    is_of_encoder,
    is_of_head,
    layout_shape,
    relative_variables,
    stored_shape,
    variable_shape,
)
from tfbert.errors import CheckpointError

# No weight of a trained network comes near it; numbers in the wrong byte order pass it at once.
_LARGEST = 1e9


class Weights:
    """Variables under tfbert's names, one at a time: what a format writes, and what a `Source` is.

    Attributes:
        config: `BertConfig`.
        shapes: {variable: shape in tfbert's layout}, the heads' among them.
    """

    config: BertConfig
    shapes: dict

    def value(self, variable):
        """float32 array in tfbert's layout."""
        raise NotImplementedError

    def heads(self):
        """Names of the heads: predictions, seq_relationship, classifier, qa_outputs, dense."""
        return tuple(dict.fromkeys(name.split("/")[0] for name in self.shapes if is_of_head(name)))


class LayerWeights(Weights):
    """The weights of built layers: an encoder, without its pooler where that is untrained, and {name: head layer}."""

    def __init__(self, encoder, heads, *, pooler=True):
        self.config = encoder.config
        self._variables = relative_variables(encoder)
        if not pooler:
            self._variables = {n: value for n, value in self._variables.items() if not n.startswith("pooler/")}
        for name, layer in heads.items():
            self._variables |= {f"{name}/{path}": variable for path, variable in relative_variables(layer).items()}
        self.shapes = {name: tuple(variable.shape) for name, variable in self._variables.items()}

    def value(self, variable):
        return np.asarray(self._variables[variable])


class Source(Weights):
    """An opened checkpoint in some format; `checkpoints.open_checkpoint` returns one.

    Opening compares all shapes with the configuration, so that nothing is allocated for a file that lies.

    Attributes:
        description: what it is and where, for messages.
        folder: where its vocabulary and JSON files lie.
        values: all of its config JSON, for heads and labels.
        files: tensor files with their tables, [(table, file)].
        modules: the folder of modules.json, of sentence-transformers; None elsewhere.
    """

    description: str
    folder: pathlib.Path
    values: dict
    modules: pathlib.Path | None = None

    def __init__(self, description, folder, config, values, files):
        self.description, self.folder, self.config, self.values = description, pathlib.Path(folder), config, values
        self._found = {}  # variable -> (row, file)
        self._lacking = {}
        self.shapes = {}
        for table, file in files:
            self.add(table, file)
        self._check_whole()

    def value(self, variable):
        """float32 array in tfbert's layout. Raises CheckpointError: damaged, no numbers, or no finite ones."""
        row, file = self._found[variable]
        value = np.asarray(from_layout(file.read(row.tensor), row.layout), np.float32)
        if not (-_LARGEST < value.min(initial=0) and value.max(initial=0) < _LARGEST):  # false of NaN as well
            raise CheckpointError(
                f"{self.description}: tensor {row.tensor} holds numbers that are no weights (NaN, infinite or beyond "
                f"{_LARGEST:.0e}): the training went wrong, or the file is damaged or in another byte order"
            )
        return value

    def tensor_name(self, variable):
        """What the format calls it."""
        return self._found[variable][0].tensor if variable in self._found else self._lacking.get(variable, variable)

    def label_names(self):
        """Names of the classifier's logits: the configuration's, or LABEL_0, LABEL_1, …; () without a classifier."""
        if "classifier/bias" not in self.shapes:
            return ()
        count = self.shapes["classifier/bias"][0]
        named = self.values.get("id2label") or {}
        if len(named) != count:
            return tuple(f"LABEL_{i}" for i in range(count))
        try:
            return tuple(str(named[key]) for key in sorted(named, key=int))
        except (TypeError, ValueError):
            raise CheckpointError(f"{self.description}: id2label has a key that is no number") from None

    def tokenizer(self):
        """The `Tokenizer` of the folder. Raises VocabularyError and ConfigError."""
        from tfbert.text import Tokenizer

        return Tokenizer.from_folder(self.folder)

    def __str__(self):
        c = self.config
        heads = ", ".join(self.heads()) or "none"
        sizes = f"{c.num_hidden_layers} layers, hidden size {c.hidden_size}, {c.vocab_size} tokens"
        return f"{self.description}: {sizes}; heads: {heads}"

    def add(self, table, file):
        """Finds a table's variables in a tensor file. Raises CheckpointError: of another shape than configured."""
        # before the rows are written out: a configuration may say anything
        if self.config.num_hidden_layers > len(file.shapes):
            raise CheckpointError(
                f"{self.description}: {len(file.shapes)} tensors are too few for {self.config.num_hidden_layers} layers"
            )
        for row in expand(table, self.config.num_hidden_layers):
            shape = file.shapes.get(row.tensor)
            if shape is None:
                self._lacking.setdefault(row.variable, row.tensor)
            elif row.variable not in self._found:  # of two names of one variable the first is read
                self.shapes[row.variable] = self._shape(row, shape)
                self._found[row.variable] = row, file

    def _shape(self, row, stored):
        wanted = variable_shape(row.variable, self.config)
        heads, size = self.config.num_attention_heads, self.config.head_size
        by_head = {BY_HEAD_OUT: tuple(stored[-2:]), BY_HEAD_IN: tuple(stored[:2])}.get(row.layout, (heads, size))
        shape = layout_shape(tuple(stored), row.layout)
        if shape is None or (wanted is not None and shape != wanted) or by_head != (heads, size):
            asked = "" if wanted is None else f"; the configuration asks for {list(stored_shape(wanted, row, heads))}"
            raise CheckpointError(f"{self.description}: tensor {row.tensor} has the shape {list(stored)}{asked}")
        return shape

    def _check_whole(self):
        """An encoder needs all its tensors; the pooler and each head are there whole or not at all."""
        lacking = [name for name in self._lacking if name not in self.shapes and name != DECODER]
        begun = {name.split("/")[0] for name in self.shapes if not is_of_encoder(name)}
        for what, needed in (
            ("the encoder", [name for name in lacking if is_of_encoder(name)]),
            ("a head", [name for name in lacking if name.split("/")[0] in begun]),
        ):
            if needed:
                names = [self._lacking[name] for name in needed]
                listed = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
                raise CheckpointError(f"{self.description} lacks {len(names)} tensors of {what}: {listed}")
        for head in begun:  # whose number of outputs no configuration says
            kernel, bias = (self.shapes.get(f"{head}/{name}") for name in ("kernel", "bias"))
            if kernel and bias and (len(kernel) != 2 or kernel[1:] != bias):
                raise CheckpointError(
                    f"{self.description}: {self.tensor_name(f'{head}/kernel')} and "
                    f"{self.tensor_name(f'{head}/bias')} have {list(kernel)} and {list(bias)}, which do not go together"
                )


def check_rows(weights, table, form):
    """Raises CheckpointError: a variable without a row in all of a format's table, which would be lost."""
    c = weights.config
    rows = {row.variable for row in expand(table, c.num_hidden_layers)}
    rows |= {DECODER} if c.tie_word_embeddings else set()
    lost = [name for name, shape in weights.shapes.items() if name not in rows and 0 not in shape]
    if lost:
        raise CheckpointError(f"{form} has no place for {', '.join(lost)}; leave it out, or write another format")


def rows_to_write(weights, table):
    """[(row, shape in the format's layout)] for all variables that a table has and the weights hold."""
    c = weights.config
    rows = [row for row in expand(table, c.num_hidden_layers) if row.variable in weights.shapes]
    rows = [row for row in rows if not (row.variable == DECODER and c.tie_word_embeddings)]
    return [(row, stored_shape(weights.shapes[row.variable], row, c.num_attention_heads)) for row in rows]


def stored_value(weights, row, shape):
    """A variable's contiguous array in the format's layout."""
    value = weights.value(row.variable)
    return np.ascontiguousarray(value.T if row.layout == TRANSPOSED else value.reshape(shape), np.float32)
