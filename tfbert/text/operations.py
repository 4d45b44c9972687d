"""tensorflow-text's operations in saved graphs."""


def register_operations() -> None:
    """Lets TensorFlow load graphs that hold a tokenizer, such as an exported SavedModel.

    >>> register_operations()
    """
    import tensorflow_text  # noqa: F401  # the import registers them
