"""Task models to export, from a tiny checkpoint, that are sure of their answers."""

import keras
import numpy as np
import tensorflow as tf

import tfbert
from tfbert.checkpoints import open_checkpoint
from tfbert.tasks.fill_mask.task import FillMask

MODELS = {
    "classification": lambda c: tfbert.TextClassifier.from_checkpoint(c, labels=["a", "b", "c"]),
    "pairs": lambda c: tfbert.TextClassifier.from_checkpoint(c, labels=["a", "b"], pairs=True),
    "several_labels": lambda c: tfbert.TextClassifier.from_checkpoint(c, labels=["a", "b"], problem="multi_label"),
    "regression": lambda c: tfbert.TextClassifier.from_checkpoint(c, problem="regression"),
    "long_texts": lambda c: tfbert.TextClassifier.from_checkpoint(
        c, labels=["a", "b"], windows=True, max_length=32, stride=8
    ),
    "token_classification": lambda c: tfbert.TokenClassifier.from_checkpoint(c, labels=["a", "b"], words=True),
    "trained_transitions": lambda c: tfbert.TokenClassifier.from_checkpoint(c, labels=["a", "b"], transitions=True),
    "relation_extraction": lambda c: tfbert.RelationExtractor.from_checkpoint(c, labels=["Other", "X(e1,e2)"]),
    "question_answering": lambda c: tfbert.QuestionAnswerer.from_checkpoint(c, max_length=32, stride=8),
    "summarization": lambda c: tfbert.Summarizer.from_checkpoint(c, sentences=2, max_length=32),
    "sentence_embedding": lambda c: tfbert.SentenceEncoder.from_checkpoint(c),
    "multiple_choice": lambda c: tfbert.MultipleChoice.from_checkpoint(c),
    "fill_mask": lambda c: tfbert.Pretrainer.from_checkpoint(c),
    "fill_mask_alone": lambda c: tfbert.Pretrainer(
        FillMask(tfbert.Tokenizer.from_folder(c), max_length=64, next_sentence=False), open_checkpoint(c).config
    ),
}


def sure_model(task, checkpoint):
    """The model of a name above.

    Untrained, all texts look alike and all labels are as likely: here words differ more, and no label is the usual one.
    """
    keras.utils.set_random_seed(3)
    model = MODELS[task](checkpoint)
    table = model.encoder.embeddings.token.embeddings
    table.assign(table * 20)
    for block in model.encoder.blocks:
        for layer in (block.attention.value, block.attention.output_dense):
            layer.kernel.assign(layer.kernel * 10)
    inputs = model.task.golden_inputs("serving_default")
    features = model.task.features({name: tf.constant(values) for name, values in inputs.items()})
    for head in model.task.checkpoint_heads:
        layer = model.network.get_layer(head)
        if model.task.name == "fill_mask":  # the token embedding above makes its logits differ
            continue
        if head == "tag_transitions":
            layer.transitions.assign(keras.random.normal([5, 5], stddev=0.02, seed=0))
            continue
        layer.kernel.assign(layer.kernel * 50)
        outputs = np.asarray(next(iter(model.task.named(model(features, training=False)).values())))
        outputs = outputs if layer.bias.shape[0] > 1 else outputs[..., None]
        outputs = outputs.reshape(-1, layer.bias.shape[0])
        layer.bias.assign(-np.mean(outputs, axis=0, where=np.abs(outputs) < 1e8))
    return model
