"""Examples that an export is checked on: texts of many kinds for every column that a task serves. B batch."""

import numpy as np

from tfbert.data import columns

_TEXTS = (
    "My parcel was due on Friday and still nothing has come.",
    "",
    "A charming and often affecting journey.",
    "Crème brûlée, naïve façade: ÀÉÎ ß ﬁne ½",
    "她在上海的银行工作。 東京タワーは333メートル",
    "Visit https://example.com/a?b=c, or write to me@example.com!",
    "price: $1,299.99 (−10 %) … “quoted” text—with dashes",
    "[MASK] and [SEP] stand in this text 🙂👍🏽",
    "unbelievably\tmis-spelled   wrods\nand a second line",
    "I want my money back, the lamp came with a cracked shade. " * 5,
    "nothing",
    "Москва — столица России; Αθήνα είναι πόλη",
)
_PAIRS = tuple(reversed(_TEXTS))
_QUESTIONS = (
    "When was the parcel due?",
    "Who works in Shanghai?",
    "What came broken?",
    "",
    "How high is the tower, in metres, as it stands in this text?",
    "Où est-ce?",
)
_DOCUMENTS = (
    "The parcel was due on Friday. It did not come. Nobody at the shop knew why, and the lamp in it was broken too.",
    "Ada works in Shanghai. She moved there in 2011; before that she lived in Paris and in Rome.",
    "A lamp came. The shade was cracked! Who pays for it? The shop said it would. " * 4,
    "One sentence only",
    "東京タワーは333メートルです。 The tower is 333 metres high.",
    "",
)
_WORDS = (
    ("Ada", "works", "in", "Shanghai", "."),
    ("the", "parcel", "of", "J.", "R.", "O'Neil-Smith", "came"),
    ("",),
    ("naïve", "東京", "unbelievably", "[MASK]"),
)
_PROMPTS = ("The sky is", "My parcel was due on Friday, and", "", "Grass is")
_CHOICES = (("blue", "sour"), ("it came", "nothing has come", "two"), ("a", "b", "c"), ("loud", "green"))
_MARKED = (
    "The <e1>burst</e1> was caused by <e2>pressure</e2>.",
    "The <e2>smoke</e2> of the <e1>fire</e1> in the old and very long text about it.",
    "nothing is marked here",
    "<e1>Crème</e1><e2>東京</e2>",
    "",
)
_SPANS = (
    ("smoke of the fire", (0, 5), (13, 17)),
    ("Ada works in Shanghai, as do two others.", (13, 21), (0, 3)),
    ("東京 and naïve text", (7, 12), (0, 2)),
)
_COLUMNS = {
    "text": _TEXTS,
    "text_pair": _PAIRS,
    "question": _QUESTIONS,
    "context": _DOCUMENTS,
    "document": _DOCUMENTS,
    "words": _WORDS,
    "prompt": _PROMPTS,
    "choices": _CHOICES,
    "head": tuple(head for _, head, _ in _SPANS),
    "tail": tuple(tail for _, _, tail in _SPANS),
}


def golden_inputs(signature):
    """Values for a signature of a task, {column: array [B, …]}, by the columns' names.

    Args:
        signature: {column: tf.TensorSpec}. A column of another name, of a task of one's own, gets texts.

    >>> golden_inputs({"text": tf.TensorSpec([None], tf.string)})["text"].shape
    (12,)
    """
    given = {name: _COLUMNS.get(name, _TEXTS) for name in signature}
    if "head" in signature:
        given["text"] = tuple(text for text, _, _ in _SPANS)
    rows = min(len(values) for values in given.values())
    return {name: array(values[:rows], signature[name]) for name, values in given.items()}


def marked_inputs():
    """Texts with two marked entities, or without."""
    return {"text": np.array([text.encode() for text in _MARKED], object)}


def array(values, spec):
    """Rows of a column as the dense array that a signature takes; lists are filled up with ""."""
    if spec.dtype.is_integer:
        return np.array(values, spec.dtype.as_numpy_dtype)
    tensor = columns.tensor([list(row) if isinstance(row, tuple) else row for row in values])
    return (tensor.to_tensor("") if len(spec.shape) > 1 else tensor).numpy()
