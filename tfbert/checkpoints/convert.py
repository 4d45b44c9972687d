"""A checkpoint of any format -> a folder of another one, tensor by tensor."""

import dataclasses
import pathlib
import shutil

import numpy as np

from tfbert.checkpoints import open_checkpoint
from tfbert.checkpoints.formats import google_tf1, hugging_face, keras_hub, model_garden, sentence_transformers
from tfbert.checkpoints.weights import Weights
from tfbert.encoders.bert.config import DISTILBERT_KEYS
from tfbert.encoders.layers.activations import ACTIVATIONS
from tfbert.errors import CheckpointError, ConfigError, VocabularyError
from tfbert.files import replace_folder

# format -> what tells its folders from others, that one may be replaced
MARKERS = {
    "hf": "config.json",
    "tf1": "bert_config.json",
    "keras_hub": "config.json",
    "model_garden": "bert_config.json",
}
_NAMES = {"hf": "Hugging Face", "tf1": "Google's BERT", "keras_hub": "KerasHub", "model_garden": "Model Garden"}
_HEADS = {
    "tf1": ("predictions", "seq_relationship", "classifier", "qa_outputs"),
    "keras_hub": ("predictions", "classifier"),
    "model_garden": ("predictions", "seq_relationship", "classifier", "qa_outputs"),
}
_KINDS = {"tf1": google_tf1.ACTIVATIONS, "keras_hub": {"gelu": "gelu_new"}, "model_garden": model_garden.ACTIVATIONS}
_EPSILON = 1e-12  # of all LayerNorms, which these three have no setting for
_SHOWN = 5  # names of a list in a note
_TOKENIZER_FILES = (
    *("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
)
# Keys of config.json that speak of how the source was stored.
_OF_STORAGE = ("torch_dtype", "dtype", "transformers_version", "quantization_config", "embedding")


def convert(source, form, out):
    """Writes an opened checkpoint as a folder of another format.

    Args:
        source: of `open_checkpoint`.
        form: "hf", "tf1", "keras_hub" or "model_garden".
        out: the folder; another of the same format is replaced.

    Returns:
        A list of sentences on what the format has no place for, or computes otherwise.

    Raises:
        ConfigError: a network that the format does not have.

    >>> convert(open_checkpoint("bert_uncased"), "hf", "converted")
    []
    """
    if form not in MARKERS:
        raise ConfigError(f"there is no format {form!r}; the formats are {', '.join(MARKERS)}")
    weights, notes = (source, []) if form == "hf" else _as_far_as(source, form)
    with replace_folder(out, marker=MARKERS[form]) as folder:
        if form == "hf":
            hugging_face.write_weights(folder, weights, _hugging_face_values(source))
            _write_modules(folder, source)
        elif form == "tf1":
            google_tf1.write_weights(folder, weights)
        elif form == "model_garden":
            model_garden.write_weights(folder, weights, classifies_tokens=_classifies_tokens(source))
        notes += _write_vocabulary(folder, source, weights, form)
    return notes + _not_kept(source, open_checkpoint(out), _NAMES[form])


def _as_far_as(source, form):
    """The weights that a format has a place for, and sentences on the others."""
    name, c, notes = _NAMES[form], source.config, []
    kept, config = dict(source.shapes), c
    computed = {ACTIVATIONS[ours] for ours in _KINDS[form].values()}
    if ACTIVATIONS[c.hidden_act] not in computed:
        if not ACTIVATIONS[c.hidden_act].startswith("gelu"):
            raise ConfigError(f"{name} has no network with the activation {c.hidden_act}")
        notes.append(
            f"{name} computes GELU by tanh, this checkpoint by erf: outputs differ in the third or fourth digit"
        )
    if c.layer_norm_eps != _EPSILON:
        notes.append(f"{name} computes LayerNorm with epsilon {_EPSILON}, this checkpoint with {c.layer_norm_eps}")
    if not c.type_vocab_size:
        config = dataclasses.replace(c, type_vocab_size=2)
        kept["embeddings/segment/embeddings"] = (2, c.hidden_size)
    heads = set(_HEADS[form])
    if form == "keras_hub" and (_classifies_tokens(source) or _architecture(source) == "BertForMultipleChoice"):
        heads.discard("classifier")
    if not c.tie_word_embeddings:
        heads.discard("predictions")
    if c.pooler_act != "tanh":
        notes.append(f"{name} has no pooler with {c.pooler_act}: it is left out, with what reads it")
        kept = {variable: shape for variable, shape in kept.items() if not variable.startswith("pooler/")}
        heads -= {"seq_relationship", *([] if _classifies_tokens(source) else ["classifier"])}
    if form == "keras_hub" and "classifier" in heads.intersection(source.heads()):
        heads.discard("predictions")  # a preset has one head
    left_out = [head for head in source.heads() if head not in heads]
    if left_out:
        notes.append(f"{name} has no place for {', '.join(left_out)}: left out")
    kept = {variable: shape for variable, shape in kept.items() if variable.split("/")[0] not in left_out}
    weights = _Part(source, config, kept)
    if form == "keras_hub" and "predictions" in weights.heads() and c.predictions_act != "gelu":
        notes.append("KerasHub's masked language model has GELU by erf and epsilon 1e-5 in its head: logits differ")
    return weights, notes


class _Part(Weights):
    """Some of a source's variables; one that it lacks is 0."""

    def __init__(self, source, config, shapes):
        self._source, self.config, self.shapes = source, config, shapes

    def value(self, variable):
        if variable not in self._source.shapes:
            return np.zeros(self.shapes[variable], np.float32)
        return self._source.value(variable)


def _architecture(source):
    """Hugging Face's class for a source's network, by what it says or else by its heads."""
    names = source.values.get("architectures")
    if isinstance(names, list) and names and isinstance(names[0], str):
        return names[0].removeprefix("Distil")
    heads = source.heads()
    if "classifier" in heads:
        return "BertForSequenceClassification"
    if "qa_outputs" in heads:
        return "BertForQuestionAnswering"
    if "predictions" in heads:
        return "BertForPreTraining" if "seq_relationship" in heads else "BertForMaskedLM"
    return "BertModel"


def _classifies_tokens(source):
    return _architecture(source) == "BertForTokenClassification"


def _hugging_face_values(source):
    """What config.json says besides the sizes."""
    values = {key: value for key, value in source.values.items() if key not in _OF_STORAGE}
    ours = {*source.config.to_dict(), *DISTILBERT_KEYS.values(), "model_type"}
    values = {key: value for key, value in values.items() if key not in ours}
    values["architectures"] = [_architecture(source)]
    if names := source.label_names():
        values["id2label"] = {str(i): name for i, name in enumerate(names)}
        values["label2id"] = {name: i for i, name in enumerate(names)}
    return values


def _write_modules(folder, source):
    settings = sentence_transformers.settings(source)
    if settings:
        sentence_transformers.write(folder, settings, source)


def _write_vocabulary(folder, source, weights, form):
    """The tokenizer's files in a format's own way; a vocabulary that tfbert does not read is copied as it is."""
    try:
        tokenizer, notes = source.tokenizer(), []
    except (ConfigError, VocabularyError) as error:
        tokenizer, notes = None, [f"tfbert does not read the tokenizer, whose files are copied as they are: {error}"]
    if form == "keras_hub":
        embedding = sentence_transformers.settings(source)
        heads = weights.heads()
        task = "BertTextClassifier" if "classifier" in heads else "BertMaskedLM" if "predictions" in heads else None
        task = task or ("BertTextEmbedder" if embedding else None)
        keras_hub.write_weights(folder, weights, tokenizer, task, embedding)
        return notes
    files = [name for name in _TOKENIZER_FILES if (source.folder / name).exists()]
    if isinstance(source, keras_hub.KerasHubSource):
        files = []  # its tokenizer.json is another one
    said = any(name != "vocab.txt" for name in files)
    if form == "hf" and not said and tokenizer is not None:
        tokenizer.save(folder)
    elif form == "hf" or tokenizer is None:
        for name in files:
            shutil.copyfile(source.folder / name, folder / name)
    else:
        text = "".join(f"{token}\n" for token in tokenizer.vocabulary)
        (pathlib.Path(folder) / "vocab.txt").write_bytes(text.encode("utf-8"))
    return notes


def _not_kept(source, written, name):
    """Sentences on what the written folder, read again, does not say as the source does, besides its weights."""
    before, after, notes = {}, {}, []
    try:
        before = _rules(source.tokenizer())
        after = _rules(written.tokenizer())
    except (ConfigError, VocabularyError) as error:
        if before:  # else nothing is read of the source's either
            notes.append(f"{name} has no place for all of the tokenizer, which tfbert does not read there: {error}")
    if written.label_names():  # else there is no classifier, which is told
        before["the names of the labels"] = source.label_names()
        after["the names of the labels"] = written.label_names()
    notes += [
        f"{name} has no place for {what}, {_shown(before[what])}: read back, {_shown(found)}"
        for what, found in after.items()
        if found != before[what]
    ]
    try:
        pooling = sentence_transformers.settings(source)
    except CheckpointError:  # modules that tfbert does not have
        return notes
    kept = sentence_transformers.settings(written)
    lost = [key for key in ("pooling", "normalize", "max_length") if key in pooling and kept.get(key) != pooling[key]]
    if lost:
        settings = ", ".join(f"{key} {pooling[key]}" for key in lost)
        notes.append(f"{name} has no place for the sentence embedding's {settings}")
    return notes


def _rules(tokenizer):
    """What decides a text's ids besides the vocabulary."""
    lower_case, strip_accents = tokenizer.lower_case, tokenizer.strip_accents
    return {
        "the tokenizer's lower_case": lower_case,
        "the tokenizer's strip_accents": lower_case if strip_accents is None else strip_accents,
        "the tokenizer's tokenize_chinese_chars": tokenizer.tokenize_chinese_chars,
        "the tokenizer's special_tokens": dataclasses.astuple(tokenizer.special_tokens),
        "the tokenizer's added_tokens": tuple(token.content for token in tokenizer.added_tokens),
    }


def _shown(value):
    if not isinstance(value, tuple):
        return str(value)
    return ", ".join(value[:_SHOWN]) + (" …" if len(value) > _SHOWN else "") or "none"
