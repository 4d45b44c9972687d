"""The settings that decide what pretraining examples hold; how they are made is not among them."""

import dataclasses

from tfbert.errors import ConfigError
from tfbert.settings import check_choice, check_not_negative, check_positive

OBJECTIVES = ("nsp", "sop", "none")
DOCUMENTS = ("auto", "blank_lines", "files", "jsonl")
SENTENCES = ("rules", "lines")
WORDS = ("auto", "wordpiece", "jieba")
MASKINGS = ("dynamic", "static")
MASK_UNITS = ("token", "whole_word", "ngram", "span")
_SHORTEST = {"nsp": 5, "sop": 5, "none": 3}  # tokens of a row: the special ones and one in each segment


@dataclasses.dataclass(frozen=True)
class ExampleSettings:
    """Everything that examples depend on, besides the text and the vocabulary.

    Args:
        objective: "nsp" (pairs; half of them have a random next segment), "sop" (pairs; half of them are swapped) or
            "none" (full sentences, also across the borders of documents).
        max_length: the most tokens of a row.
        short_probability: the share of pairs with a random shorter target length, of 2 tokens or more.
        documents: what ends a document: "blank_lines", "files" (the file's end), "jsonl" (an object a line), or
            "auto": jsonl by the file's suffix, else blank lines.
        text_field: the text's key in JSON objects.
        sentences: "rules" (tfbert.text.sentences) or "lines" (one a line).
        words: "wordpiece" (a token that does not continue a word begins one) or "jieba" (its words in Chinese text,
            else as wordpiece); "auto" is decided by the text before the examples are made.
        packed: several sequences in a row.
        masking: "dynamic" (masks are drawn in training) or "static" (with the examples, by `mask_units`, `mask_rate`
            and `max_predictions` as in `tfbert.data.pretraining.masking.Masking`).
        duplicates: passes over the text, each with other pairs and masks; 0 for 10 with static masks, else 1.
        seed: of everything that is random.
        shard_bytes: about the bytes of text in a shard; it also bounds a worker's memory.

    >>> ExampleSettings(masking="static").duplicates
    10
    """

    objective: str = "nsp"
    max_length: int = 128
    short_probability: float = 0.1
    documents: str = "auto"
    text_field: str = "text"
    sentences: str = "rules"
    words: str = "auto"
    packed: bool = False
    masking: str = "dynamic"
    mask_units: str = "whole_word"
    mask_rate: float = 0.15
    max_predictions: int = 20
    duplicates: int = 0
    seed: int = 0
    shard_bytes: int = 4 << 20

    def __post_init__(self) -> None:
        for name, allowed in (
            ("objective", OBJECTIVES),
            ("documents", DOCUMENTS),
            ("sentences", SENTENCES),
            ("words", WORDS),
            ("masking", MASKINGS),
            ("mask_units", MASK_UNITS),
        ):
            check_choice(self, name, allowed)
        shortest = _SHORTEST[self.objective]
        if self.max_length < shortest:
            raise ConfigError(f"max_length is {self.max_length}; {self.objective} needs at least {shortest} tokens")
        if not 0 <= self.short_probability <= 1:
            raise ConfigError(f"short_probability is {self.short_probability}; expected a share from 0 to 1")
        check_not_negative(self, "duplicates")
        check_positive(self, "shard_bytes")
        if not self.duplicates:
            object.__setattr__(self, "duplicates", 10 if self.masking == "static" else 1)

    def summary(self) -> dict:
        """The settings as the manifest states them, plain JSON values."""
        values = dataclasses.asdict(self)
        masking = {"kind": values.pop("masking")}
        static = {name: values.pop(name) for name in ("mask_units", "mask_rate", "max_predictions")}
        if masking["kind"] == "static":
            masking.update(units=static.pop("mask_units"), rate=static.pop("mask_rate"), **static)
        if self.documents != "jsonl" and self.documents != "auto":
            values.pop("text_field")
        if self.objective == "none":
            values.pop("short_probability")
        return {**values, "masking": masking}
