"""tensorflow-text's operations in LiteRT."""


def lite_kernels():
    """What an interpreter registers to run a portable tokenizer: its `custom_op_registerers`.

    >>> interpreter.InterpreterWithCustomOps(model_path="model.tflite", custom_op_registerers=lite_kernels())
    """
    import tensorflow_text  # here, so that ids-in models load without it

    return tensorflow_text.tflite_registrar.SELECT_TFTEXT_OPS
