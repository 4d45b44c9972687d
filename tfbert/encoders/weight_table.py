"""What the tables of all checkpoint formats are made of: a variable, its name in the format, and its layout there.

Shapes: H hidden, N heads, D head size, I intermediate, V vocabulary, P positions, T token types.
"""

import collections

# How a format lays out what tfbert holds as [in, out], [out] or a table of rows.
AS_IS = "as is"
TRANSPOSED = "transposed"  # [out, in], as PyTorch
BY_HEAD_OUT = "by head, out"  # [in, N, D] of [in, H], and [N, D] of [H], as Keras' MultiHeadAttention
BY_HEAD_IN = "by head, in"  # [N, D, out] of [H, out]

# One line of a format's table: tfbert's variable, the format's tensor, and its layout there.
Row = collections.namedtuple("Row", "variable tensor layout", defaults=(AS_IS,))

DECODER = "predictions/decoder/embeddings"  # of a network that does not tie it to the token embedding


def expand(table, num_layers):
    """The rows with `{i}` written out for each layer."""
    rows = []
    for row in table:
        repeats = range(num_layers) if "{i}" in row.variable else (0,)
        rows += [
            Row(row.variable.format(i=i), row.tensor.format(i=i, _i=f"_{i}" if i else ""), row.layout) for i in repeats
        ]
    return rows


def relative_variables(layer):
    """{path below the layer: variable}, whatever model the layer sits in.

    >>> list(relative_variables(encoder))[0]
    'embeddings/token/embeddings'
    """
    return {variable.path.rpartition(f"{layer.name}/")[2]: variable for variable in layer.weights}


def variable_shape(name, config):
    """The shape of a variable of a network of this configuration; None where the configuration does not say it.

    >>> variable_shape("pooler/kernel", BertConfig())
    (768, 768)
    """
    hidden, inner = config.hidden_size, config.intermediate_size
    tables = {"token": config.vocab_size, "position": config.max_position_embeddings, "segment": config.type_vocab_size}
    head, _, rest = name.partition("/")
    if head == "embeddings" and rest.endswith("/embeddings"):
        return tables[rest.split("/")[0]], hidden
    if name == "predictions/output_bias":
        return (config.vocab_size,)
    if name == DECODER:
        return config.vocab_size, hidden
    if head in ("classifier", "tag_transitions", "qa_outputs", "dense"):  # as many outputs as the task has
        return None
    if head == "seq_relationship":
        return (hidden, 2) if rest == "kernel" else (2,)
    if rest.startswith("feed_forward/"):
        of_inner = {
            "intermediate/kernel": (hidden, inner),
            "intermediate/bias": (inner,),
            "output/kernel": (inner, hidden),
        }
        return of_inner.get(rest.removeprefix("feed_forward/"), (hidden,))
    return (hidden, hidden) if name.endswith("/kernel") else (hidden,)


def is_of_encoder(name):
    """Whether every encoder has the variable."""
    return name.startswith(("embeddings/", "block_"))


def is_of_head(name):
    return not is_of_encoder(name) and not name.startswith("pooler/")


def layout_shape(stored, layout):
    """A tensor's shape in tfbert's layout; None where it does not have the layout's axes."""
    if layout == BY_HEAD_OUT and len(stored) in (2, 3):
        return (*stored[:-2], stored[-2] * stored[-1])
    if layout == BY_HEAD_IN and len(stored) == 3:
        return (stored[0] * stored[1], stored[2])
    if layout in (AS_IS, TRANSPOSED) and len(stored) in (1, 2):
        return stored[::-1] if layout == TRANSPOSED else stored
    return None


def stored_shape(shape, row, heads):
    """A variable's shape in its row's layout."""
    if row.layout == TRANSPOSED:
        return tuple(shape[::-1])
    if row.layout == BY_HEAD_OUT:
        return (*shape[:-1], heads, shape[-1] // heads)
    if row.layout == BY_HEAD_IN:
        return (heads, shape[0] // heads, shape[1])
    return tuple(shape)


def from_layout(value, layout):
    """An array of a format in tfbert's layout."""
    return value.T if layout == TRANSPOSED else value.reshape(layout_shape(value.shape, layout))
