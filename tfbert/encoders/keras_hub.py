"""What families share in KerasHub's presets: how its layers are stored, and what its classes can hold.

Source: keras_hub 0.32, src/layers/modeling/transformer_encoder.py and masked_lm_head.py. Each family's own module
`keras_hub` has its table and its `Preset`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfbert.encoders import families
from tfbert.encoders.config import EncoderConfig
from tfbert.encoders.layers.activations import ACTIVATIONS
from tfbert.encoders.weight_table import AS_IS, BY_HEAD_IN, BY_HEAD_OUT, Row, WeightTable, expand
from tfbert.errors import ConfigError

NAME = "keras_hub"  # of the format in a family's `forms`
# Head of a table, for layers that KerasHub's backbone has and the family has not: written as 0, and never read.
BLANK = "blank"
# Fields of which another value is said, or looked at elsewhere; another value of the other constants is refused.
_NOTED = frozenset(("hidden_act", "layer_norm_eps", "predictions_act", "predictions_layer_norm_eps"))
_WITHOUT_POOLER = ("TokenClassification", "MultipleChoice")  # heads that are no classifiers of whole texts


def norm(ours: str, theirs: str) -> tuple[Row, Row]:
    """The rows of a LayerNorm."""
    return Row(f"{ours}/gamma", f"{theirs}/vars/0"), Row(f"{ours}/beta", f"{theirs}/vars/1")


def dense(ours: str, theirs: str, layout: str = AS_IS) -> tuple[Row, Row]:
    """The rows of a dense layer, of which the kernel has the layout."""
    return Row(f"{ours}/kernel", f"{theirs}/vars/0", layout), Row(f"{ours}/bias", f"{theirs}/vars/1")


def block(ours: str, theirs: str, *, prefix: str = "", output: str = BY_HEAD_IN) -> tuple[Row, ...]:
    """The rows of a TransformerEncoder.

    Args:
        ours, theirs: the block's name, with `{i}` and `{_i}`.
        prefix: what the names of its attention's layers begin with.
        output: the layout of the kernel after attention.
    """
    attention = f"{theirs}/_self_attention_layer/{prefix}"
    by_head = (
        row
        for name in ("query", "key", "value")
        for row in dense(f"{ours}/attention/{name}", f"{attention}{name}_dense")
    )
    return (
        *(row._replace(layout=BY_HEAD_OUT) for row in by_head),
        *dense(f"{ours}/attention/output", f"{attention}output_dense", output),
        *norm(f"{ours}/attention_norm", f"{theirs}/_self_attention_layer_norm"),
        *dense(f"{ours}/feed_forward/intermediate", f"{theirs}/_feedforward_intermediate_dense"),
        *dense(f"{ours}/feed_forward/output", f"{theirs}/_feedforward_output_dense"),
        *norm(f"{ours}/output_norm", f"{theirs}/_feedforward_layer_norm"),
    )


# Of the head of every family's masked language model, in a file of its own.
PREDICTIONS = (
    *dense("predictions/transform", "layers/masked_lm_head/_intermediate_dense"),
    *norm("predictions/layer_norm", "layers/masked_lm_head/_intermediate_layer_norm"),
    Row("predictions/output_bias", "layers/masked_lm_head/vars/0"),
)


@dataclasses.dataclass(frozen=True)
class Preset:
    """How KerasHub names a family, and what its classes compute.

    Args:
        class_prefix: the start of its class names: "Bert" of BertBackbone.
        module: its module's name: "bert" of keras_hub.src.models.bert.bert_backbone.
        sizes: {argument of its backbone: field of the configuration}.
        constants: fields that its classes fix.
        pooler_act: of its pooler; "" where it has none that the family has.
        tasks: those that it has a class for: MaskedLM, TextClassifier, TextEmbedder.
        vocabulary: the file that its tokenizer keeps.
        numbering: the class of transformers that numbers the pieces of vocabulary.spm so; "" for their own numbers.
        fixed: {argument of its backbone: the only value that tfbert has}.
        skipped_positions: rows at the start of the position table that its own lacks.
        classifier_dropout: the field that is its classifier's `dropout`.
    """

    class_prefix: str
    module: str
    sizes: Mapping[str, str]
    constants: Mapping[str, Any]
    pooler_act: str = "tanh"
    tasks: tuple[str, ...] = ("MaskedLM", "TextClassifier")
    vocabulary: str = "vocabulary.txt"
    numbering: str = ""
    fixed: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    skipped_positions: int = 0
    classifier_dropout: str = "classifier_dropout"

    def fitted(self, weights: Any, config: EncoderConfig | None = None) -> tuple[EncoderConfig, dict, list[str]]:
        """What a preset can hold of some weights: configuration, {variable: shape}, and sentences on the rest.

        A preset holds one head at most: a classifier of whole texts, or a masked language model.

        Args:
            weights: a `tfbert.checkpoints.weights.Source`.
            config: the network's configuration in the family of this preset, if `weights` are of another one.

        Raises ConfigError: a network that KerasHub does not have.
        """
        c, kind = config or weights.config, weights.hugging_face_head()
        table = families.family_of(c).forms[NAME].table_of(c)
        notes = self._differences(c)
        heads = {"predictions", "classifier"}.intersection(weights.heads(), table.heads)
        if kind in _WITHOUT_POOLER:
            heads.discard("classifier")
        if not c.tie_word_embeddings:
            heads.discard("predictions")
        has_pooler = any(variable.startswith("pooler/") for variable in weights.shapes)
        if c.pooler_act != self.pooler_act:
            if has_pooler:
                notes.append(f"KerasHub has no pooler with {c.pooler_act}: it and the heads that read it are left out")
            has_pooler = False
            heads.discard("classifier")
        if "classifier" in heads:
            heads.discard("predictions")
        lost = [head for head in weights.heads() if head not in heads]
        if not table.pooler and "classifier" not in heads and has_pooler:  # it is a layer of the classifier there
            lost, has_pooler = ["pooler", *lost], False
        if lost:
            notes.append(f"KerasHub has no place for {', '.join(lost)}: left out")
        if table.pooler and not has_pooler:
            notes.append("KerasHub's backbone has a pooler, whose weights are 0: this checkpoint has none for it")
        left_out = {*lost, *([] if has_pooler else ["pooler"])}
        kept = {name: shape for name, shape in weights.shapes.items() if name.split("/")[0] not in left_out}
        if "predictions" in heads:
            notes += self._differences_of_predictions(c)
        return c, {**_held(c, table), **kept}, notes

    def _differences(self, c: EncoderConfig) -> list[str]:
        """Sentences on what KerasHub computes differently. Raises ConfigError: it has no such network."""
        notes = []
        if ACTIVATIONS[c.hidden_act] != (theirs := ACTIVATIONS[self.constants["hidden_act"]]):
            if not (ACTIVATIONS[c.hidden_act].startswith("gelu") and theirs.startswith("gelu")):
                raise ConfigError(f"KerasHub has no network with the activation {c.hidden_act}")
            by, other = ("tanh", "erf") if theirs == "gelu_tanh" else ("erf", "tanh")
            digits = "outputs differ in the third or fourth digit"
            notes.append(f"KerasHub computes GELU by {by}, this checkpoint by {other}: {digits}")
        if c.layer_norm_eps != (epsilon := self.constants["layer_norm_eps"]):
            notes.append(f"KerasHub computes LayerNorm with epsilon {epsilon}, this checkpoint with {c.layer_norm_eps}")
        for name in set(self.constants) - _NOTED:
            if getattr(c, name) != self.constants[name]:
                raise ConfigError(
                    f"KerasHub's {self.class_prefix} has no {name} {getattr(c, name)}, but {self.constants[name]} only"
                )
        return notes

    def _differences_of_predictions(self, c: EncoderConfig) -> list[str]:
        activation = self.constants.get("predictions_act") or self.constants["hidden_act"]
        epsilon = self.constants.get("predictions_layer_norm_eps") or self.constants["layer_norm_eps"]
        same_activation = ACTIVATIONS[c.predictions_act or c.hidden_act] == ACTIVATIONS[activation]
        if same_activation and (c.predictions_layer_norm_eps or c.layer_norm_eps) == epsilon:
            return []
        by = "tanh" if ACTIVATIONS[activation] == "gelu_tanh" else "erf"
        return [f"KerasHub's masked language model has GELU by {by} and epsilon {epsilon} in its head: logits differ"]


def _held(c: EncoderConfig, table: WeightTable) -> dict[str, tuple[int, ...]]:
    """{variable: shape} of all that KerasHub's backbone has; what the weights lack of it is written as 0."""
    own = families.family_of(c).table(c).shapes(c)
    rows = expand((*table.encoder, *table.pooler), c.num_hidden_layers)
    return {row.variable: own[row.variable] for row in rows} | WeightTable(table.heads.get(BLANK, ())).shapes(c)
