"""What Model Garden and the TensorFlow classes of `transformers` 4 write and compute; run by test_tf_libraries.py.

python tf_reference.py COMMAND KIND FOLDER INPUT.npz OUTPUT.npz
"""

import os
import pathlib
import sys

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf


def randomize(model):
    """Other biases and scales than 0 and 1."""
    generator = np.random.default_rng(0)
    for variable in model.weights:
        if variable.dtype.is_floating:
            variable.assign_add(generator.normal(0, 0.05, variable.shape).astype("float32"))


def inputs_of(path):
    arrays = dict(np.load(path))
    names = {"token_ids": "input_word_ids", "segment_ids": "input_type_ids", "padding_mask": "input_mask"}
    return {names[name]: arrays[name] for name in names}, arrays


def garden_model(kind, folder):
    from official.legacy.bert import configs
    from official.modeling import tf_utils
    from official.nlp.modeling import layers, models, networks

    c = configs.BertConfig.from_json_file(str(folder / "bert_config.json"))
    sizes = {
        "vocab_size": c.vocab_size,
        "hidden_size": c.hidden_size,
        "num_layers": c.num_hidden_layers,
        "num_attention_heads": c.num_attention_heads,
        "type_vocab_size": c.type_vocab_size,
        "max_sequence_length": c.max_position_embeddings,
    }
    act = tf_utils.get_activation(c.hidden_act)
    if kind == "encoder_v2":
        encoder = networks.BertEncoderV2(**sizes, inner_dim=c.intermediate_size, inner_activation=act)
        encoder(encoder.inputs)
        return encoder, encoder
    arguments = {"intermediate_size": c.intermediate_size, "activation": act}
    encoder = networks.BertEncoder(**sizes, **arguments, dict_outputs=kind != "span_labeler")
    if kind == "encoder":
        return encoder, encoder
    if kind == "pretrainer":
        head = layers.ClassificationHead(inner_dim=c.hidden_size, num_classes=2, name="next_sentence")
        model = models.BertPretrainerV2(encoder, mlm_activation=act, classification_heads=[head])
        model(model.inputs)
    elif kind == "classifier":
        model = models.BertClassifier(network=encoder, num_classes=3)
    elif kind == "token_classifier":
        model = models.BertTokenClassifier(network=encoder, num_classes=3)
    elif kind == "span_labeler":
        model = models.BertSpanLabeler(network=encoder)
    return model, encoder


def items(model, encoder):
    named = {"encoder": encoder} if model is encoder else {"model": model, "encoder": encoder}
    return {**named, **getattr(model, "checkpoint_items", {})}


def garden_outputs(kind, model, inputs):
    words, arrays = inputs_of(inputs)
    if kind == "pretrainer":
        words["masked_lm_positions"] = arrays["masked_positions"]
    outputs = model(words, training=False)
    if kind == "span_labeler":
        outputs = {"start": outputs[0], "end": outputs[1]}
    elif not isinstance(outputs, dict):
        outputs = {"logits": outputs}
    kept = {"sequence_output", "pooled_output", "mlm_logits", "next_sentence", "logits", "start", "end"}
    return {name: np.asarray(value) for name, value in outputs.items() if name in kept}


def garden_write(kind, folder, inputs):
    """A checkpoint of the library's own, and its outputs."""
    model, encoder = garden_model(kind, folder)
    randomize(model)
    if kind == "pretrainer":  # which has its pooler in the head
        tied = model.classification_heads[0].dense
        for theirs, ours in zip(tied.weights, encoder.layers[-1].weights, strict=True):
            ours.assign(theirs)
    tf.train.Checkpoint(**items(model, encoder)).save(str(folder / "bert_model.ckpt"))
    return garden_outputs(kind, model, inputs)


def garden_open(kind, folder, inputs):
    """The outputs of a checkpoint that was written elsewhere."""
    model, encoder = garden_model(kind, folder)
    status = tf.train.Checkpoint(**items(model, encoder)).read(str(folder / "bert_model.ckpt"))
    status.expect_partial().assert_existing_objects_matched()
    return garden_outputs(kind, model, inputs)


def garden_convert(kind, folder, inputs):
    """A TF1 folder by Model Garden's own converter."""
    from official.legacy.bert import configs
    from official.nlp.tools import tf2_bert_encoder_checkpoint_converter as converter

    config = configs.BertConfig.from_json_file(str(folder / "bert_config.json"))
    out = str(folder / "converted/bert_model.ckpt")
    converter.convert_checkpoint(config, out, str(folder / "bert_model.ckpt"), "model", kind)
    return {}


def transformers_write(kind, folder, inputs):
    """tf_model.h5 of a class of transformers, and its outputs."""
    import transformers

    arrays = dict(np.load(inputs))
    sizes = {
        "vocab_size": int(arrays["vocab_size"]),
        "num_labels": 2 if "QuestionAnswering" in kind else 3,
        "max_position_embeddings": 16,
    }
    if "Distil" in kind:
        config = transformers.DistilBertConfig(**sizes, dim=32, n_layers=2, n_heads=2, hidden_dim=64)
    else:
        config = transformers.BertConfig(
            **sizes, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
        )
    model = getattr(transformers, f"TF{kind}")(config)
    words = {"input_ids": arrays["token_ids"], "attention_mask": arrays["padding_mask"]}
    if "Distil" not in kind:
        words["token_type_ids"] = arrays["segment_ids"]
    model(words)
    randomize(model)
    model.save_pretrained(folder)
    outputs = model(words)
    return {name: np.asarray(value) for name, value in outputs.items()}


if __name__ == "__main__":
    command, kind, folder, inputs, out = sys.argv[1:]
    np.savez(out, **globals()[command](kind, pathlib.Path(folder), inputs))
