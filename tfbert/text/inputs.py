"""What a user may give to a tokenizer, checked and made a tensor."""

import tensorflow as tf


def strings(text, name):
    """`text` as a tensor of strings [B].

    Raises TypeError or ValueError, naming the argument, for anything else.
    """
    if isinstance(text, (tf.RaggedTensor, tf.SparseTensor)):
        raise TypeError(f"{name} is a {type(text).__name__}; expected a dense tensor of strings of shape [B]")
    text = _tensor(text, name)
    if text.shape.rank != 1:
        raise ValueError(f"{name} has shape {text.shape}; expected [B], a list of strings")
    return text


def words(text, name):
    """`text` as a RaggedTensor of strings [B, (words)]: given as such, as a dense tensor, or as lists of words."""
    if isinstance(text, tf.RaggedTensor):
        if text.dtype != tf.string or text.shape.rank != 2:
            raise TypeError(f"{name} is a RaggedTensor of {text.dtype.name}, rank {text.shape.rank}; expected words")
        return text
    if tf.is_tensor(text):
        if text.dtype != tf.string or text.shape.rank != 2:
            raise TypeError(f"{name} is {text.dtype.name} of shape {text.shape}; expected strings [B, words]")
        return tf.RaggedTensor.from_tensor(text)
    rows = list(text)
    for i, row in enumerate(rows):
        if isinstance(row, (str, bytes)) or not hasattr(row, "__iter__"):
            raise TypeError(f"{name}, row {i} is {row!r}; expected a list of words")
    flat = _tensor([word for row in rows for word in row], name)
    return tf.RaggedTensor.from_row_lengths(flat, tf.constant([len(row) for row in rows], tf.int64), validate=False)


def with_equal_rows(first, second):
    """Both, checked in the graph to have as many rows."""
    count = [text.nrows() if isinstance(text, tf.RaggedTensor) else tf.size(text, tf.int64) for text in (first, second)]
    message = "text and text_pair have different numbers of rows"
    with tf.control_dependencies([tf.debugging.assert_equal(*count, message)]):
        return [tf.identity(first), tf.identity(second)]


def _tensor(text, name):
    if not tf.is_tensor(text):
        try:
            # An empty list or array says nothing of its dtype and would become float.
            text = tf.convert_to_tensor(text, tf.string) if len(text) == 0 else tf.convert_to_tensor(text)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{name} is not a list of strings: {error}") from error
    if text.dtype != tf.string:
        raise TypeError(f"{name} has dtype {text.dtype.name}; expected strings")
    return text
