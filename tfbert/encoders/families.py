"""The families of encoders: a folder and a row each."""

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

# model_type of config.json -> where the family is; imported when it is first asked for.
_FAMILIES: dict[str, Family | str] = {
    "bert": "tfbert.encoders.bert.family:FAMILY",
    "distilbert": "tfbert.encoders.distilbert.family:FAMILY",
}
DEFAULT = "bert"  # of a folder whose config.json names no model_type, as Google's


@dataclasses.dataclass(frozen=True)
class Form:
    """What a checkpoint format has of a family.

    Args:
        table: names and layouts of its tensors.
        about: what else the format's reader and writer need, stated by the family; the format says what it is.
        fitted: weights -> (configuration there, {variable: shape} that the format has, sentences on what it has not).
        is_read: False where the format only takes the family's weights, as those of another family.
    """

    table: WeightTable
    about: Any = None
    fitted: Callable[[Any], tuple[EncoderConfig, dict, list[str]]] | None = None
    is_read: bool = True


@dataclasses.dataclass(frozen=True)
class Family:
    """One family of encoders.

    Args:
        model_type: of config.json.
        name: as people call it.
        class_prefix: of Hugging Face's classes: "Bert" of BertForMaskedLM.
        config, encoder: the family's classes.
        table: configuration -> Hugging Face's names, with the shapes of all variables.
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
    """The family of a `model_type`. Raises CheckpointError: tfbert does not have it, with why or the nearest name.

    >>> family("bert").name
    'BERT'
    """
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
    """Adds a family of one's own; it then works in every command, export and server of this process."""
    _FAMILIES[new.model_type] = new


def model_types() -> tuple[str, ...]:
    """All that are known, in the order of the table.

    >>> model_types()[:2]
    ('bert', 'distilbert')
    """
    return tuple(_FAMILIES)


def family_in(form: str, tensors: Iterable[str]) -> Family:
    """The family whose encoder a file of some format holds, by the names of its tensors.

    >>> family_in("tf1", ["bert/embeddings/word_embeddings"]).name
    'BERT'
    """
    tensors = set(tensors)
    all_of = [family(model_type) for model_type in _FAMILIES]
    readable = [one for one in all_of if form in one.forms and one.forms[form].is_read]
    return max(readable, key=lambda one: sum(row.tensor in tensors for row in one.forms[form].table.encoder))


def family_of(config: EncoderConfig) -> Family:
    """The family that a configuration is of."""
    return family(config.model_type)


def config_from(values: Mapping[str, Any]) -> EncoderConfig:
    """The configuration in an object of config.json, of the family that it names.

    Raises:
        ConfigError: a value that the family does not have.
        CheckpointError: a family that tfbert does not have.

    >>> config_from({"model_type": "bert", **tfbert.BertConfig().to_dict()}).hidden_size
    768
    """
    kind = values.get("model_type")
    if kind is None:  # .keras files of earlier versions do not name it
        kind = "distilbert" if values.get("type_vocab_size") == 0 else DEFAULT
    return family(kind).config.from_dict(dict(values))


def config_of_size(size: str, *, model_type: str = DEFAULT, **changes: Any) -> EncoderConfig:
    """The configuration of a size by its name, as `EncoderConfig.of_size`, of any family.

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
