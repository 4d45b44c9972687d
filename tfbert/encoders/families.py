"""The table of encoder families. Each has a folder beside this file and a row here."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tfbert.encoders import unknown
from tfbert.encoders.config import EncoderConfig
from tfbert.encoders.encoder import Encoder
from tfbert.encoders.weight_table import WeightTable
from tfbert.errors import CheckpointError, ConfigError, did_you_mean
from tfbert.files import read_json_object

# model_type of config.json -> where the family is; imported on first use.
_FAMILIES: dict[str, Family | str] = {
    "bert": "tfbert.encoders.bert.family:FAMILY",
    "distilbert": "tfbert.encoders.distilbert.family:FAMILY",
    "albert": "tfbert.encoders.albert.family:FAMILY",
    "deberta-v2": "tfbert.encoders.deberta.family:FAMILY",
    "electra": "tfbert.encoders.electra.family:FAMILY",
    "mpnet": "tfbert.encoders.mpnet.family:FAMILY",
    "roberta": "tfbert.encoders.roberta.family:ROBERTA",
    "xlm-roberta": "tfbert.encoders.roberta.family:XLM_ROBERTA",
    "camembert": "tfbert.encoders.roberta.family:CAMEMBERT",
    "modernbert": "tfbert.encoders.modernbert.family:FAMILY",
    "nomic_bert": "tfbert.encoders.nomic_bert.family:FAMILY",
}
DEFAULT = "bert"  # for a configuration without model_type, such as Google's


@dataclasses.dataclass(frozen=True)
class Form:
    """How a checkpoint format stores a family.

    Args:
        table: names and layouts of its tensors.
        about: what else the format's reader and writer need to know of the family; its type depends on the format.
        fitted: weights -> (the configuration in the format, {variable: shape} of what the format holds, sentences on
            what it does not hold).
        is_read: False if the format stores this family's weights only as another family's.
        table_of_config: the table of a configuration, where it depends on that.
    """

    table: WeightTable
    about: Any = None
    fitted: Callable[[Any], tuple[EncoderConfig, dict, list[str]]] | None = None
    is_read: bool = True
    table_of_config: Callable[[Any], WeightTable] | None = None

    def table_of(self, config: EncoderConfig) -> WeightTable:
        """The table of a network of this configuration."""
        return self.table_of_config(config) if self.table_of_config else self.table


@dataclasses.dataclass(frozen=True)
class Family:
    """One family of encoders.

    Args:
        model_type: of config.json.
        name: for messages, such as "BERT".
        class_prefix: the start of Hugging Face's class names: "Bert" of BertForMaskedLM.
        config, encoder: the family's classes.
        table: configuration -> the weight table of Hugging Face's names, with the shapes of all variables.
        forms: {name of another checkpoint format: `Form`}.
    """

    model_type: str
    name: str
    class_prefix: str
    config: type[EncoderConfig]
    encoder: type[Encoder]
    table: Callable[[Any], WeightTable]
    forms: Mapping[str, Form] = dataclasses.field(default_factory=dict)

    def architecture(self, head: str) -> str:
        """Hugging Face's class with a head, such as "SequenceClassification"; with "" the bare model.

        >>> family("bert").architecture("MaskedLM")
        'BertForMaskedLM'
        """
        return f"{self.class_prefix}For{head}" if head else f"{self.class_prefix}Model"


def family(model_type: str) -> Family:
    """The family of a `model_type`.

    Raises:
        CheckpointError: a family that tfbert does not read, with the reason.
        ConfigError: an unknown name, with the nearest known one.

    >>> family("bert").name
    'BERT'
    """
    if not isinstance(model_type, str):
        raise ConfigError(f"model_type must be a text, not {str(model_type):.40}")
    found = _FAMILIES.get(model_type)
    if found is None:
        if model_type in unknown.MODELS:
            name, why = unknown.MODELS[model_type]
            raise CheckpointError(f"model_type {model_type!r} is {name}, which tfbert does not read: {why}")
        known = ", ".join(_FAMILIES)
        raise ConfigError(f"model_type is {model_type!r}; tfbert has {known}{did_you_mean(model_type, _FAMILIES)}")
    if isinstance(found, str):
        module, _, name = found.partition(":")
        _FAMILIES[model_type] = found = getattr(importlib.import_module(module), name)
    return found


def register(new: Family) -> None:
    """Adds a family of your own. It then works in every command, export and server of this process."""
    _FAMILIES[new.model_type] = new


def model_types() -> tuple[str, ...]:
    """All known model types, in the order of the table.

    >>> model_types()[:2]
    ('bert', 'distilbert')
    """
    return tuple(_FAMILIES)


def telling_replaced_tokens() -> list[str]:
    """The model types of encoders with a head that tells replaced tokens.

    >>> telling_replaced_tokens()
    ['electra']
    """
    return [model_type for model_type in _FAMILIES if family(model_type).encoder.tells_replaced_tokens]


def family_in(form: str, tensors: Iterable[str]) -> Family:
    """The family of the encoder in a file of a format, found by the names of the file's tensors.

    >>> family_in("tf1", ["bert/embeddings/word_embeddings"]).name
    'BERT'
    """
    tensors = set(tensors)
    all_of = [family(model_type) for model_type in _FAMILIES]
    readable = [one for one in all_of if form in one.forms and one.forms[form].is_read]
    return max(readable, key=lambda one: sum(row.tensor in tensors for row in one.forms[form].table.encoder))


def family_of(config: EncoderConfig) -> Family:
    """The family of a configuration."""
    return family(config.model_type)


def config_from(values: Mapping[str, Any]) -> EncoderConfig:
    """The configuration in the object of a config.json, whose model_type names the family.

    Raises:
        ConfigError: a value that the family does not support.
        CheckpointError: a family that tfbert does not have.

    >>> config_from({"model_type": "bert", **tfbert.BertConfig().to_dict()}).hidden_size
    768
    """
    kind = values.get("model_type")
    if kind is None:  # .keras files of earlier versions do not name it
        kind = "distilbert" if values.get("type_vocab_size") == 0 else DEFAULT
    return family(kind).config.from_dict(dict(values))


def config_of_size(size: str, *, model_type: str = DEFAULT, **changes: Any) -> EncoderConfig:
    """The configuration of a named size, as `EncoderConfig.of_size` gives it, for any family.

    >>> config_of_size("small", model_type="distilbert").hidden_size
    512
    """
    return family(model_type).config.of_size(size, **changes)


def read_config(path: Any) -> EncoderConfig:
    """The configuration in a config.json; errors name the file."""
    try:
        return config_from(read_json_object(path))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def encoder_of(config: EncoderConfig, **settings: Any) -> Encoder:
    """An encoder with random weights, not yet built.

    >>> encoder_of(tfbert.BertConfig(hidden_size=8, num_attention_heads=2)).hidden_size
    8
    """
    return family_of(config).encoder(config, **settings)
