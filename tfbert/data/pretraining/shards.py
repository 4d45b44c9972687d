"""Pretraining examples on disk: the manifest of a folder of TFRecord shards, its checks, and its rows as tensors.

Shapes: n tokens of a row, k sequences of it (1 unless packed), m masked tokens, B rows of a batch.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfbert.data.pretraining.manifest import MANIFEST, Shard, read_manifest
from tfbert.errors import ConfigError, DataError, VocabularyError
from tfbert.files import file_sha256

if TYPE_CHECKING:
    from tfbert.text.tokenizer import Tokenizer

SUFFIX = ".tfrecord.gz"

# The features of a row, int64 each. token_ids: a sequence with its special tokens, or several one after the other if
# packed, not padded; word_starts: 1 where a word begins, and at special tokens; next_sentence, of each sequence: 1 for
# a random next segment (nsp) or a swapped one (sop), empty for the objective "none".
FEATURES = {
    "token_ids": "n",
    "segment_ids": "n",
    "word_starts": "n",
    "sequence_lengths": "k",
    "next_sentence": "k",
}
# Two more with static masks: token_ids are then masked, and masked_ids are the original ids.
MASKED_FEATURES = {"masked_positions": "m", "masked_ids": "m"}


class Shards:
    """The shards of one manifest: all of them, or those that were named.

    Args:
        folder: the manifest's folder.
        manifest: its content.

    >>> shards = open_shards("examples")
    >>> shards.check_tokenizer(tokenizer)
    >>> len([row["token_ids"] for row in dataset(shards.files)]) == shards.rows
    True
    """

    def __init__(self, folder: str, manifest: dict[str, Any], shards: list[Shard]) -> None:
        self.folder, self.manifest, self.shards = folder, manifest, shards

    def __repr__(self) -> str:
        return f"Shards({self.folder}: {len(self.shards)} shards, {self.rows} rows)"

    @property
    def files(self) -> list[str]:
        """The shards' paths, in the manifest's order."""
        return [shard.path for shard in self.shards]

    @property
    def rows(self) -> int:
        """The number of rows of all shards."""
        return sum(shard.rows for shard in self.shards)

    @property
    def tokens(self) -> int:
        """The number of tokens of all rows, with special tokens and without padding."""
        return sum(shard.tokens for shard in self.shards)

    @property
    def max_length(self) -> int:
        """The most tokens of a row."""
        return self.manifest["max_length"]

    @property
    def objective(self) -> str:
        """ "nsp", "sop" or "none"."""
        return self.manifest["objective"]

    @property
    def has_static_masks(self) -> bool:
        """Whether the rows were masked when they were made."""
        return self.manifest["masking"]["kind"] == "static"

    @property
    def is_packed(self) -> bool:
        """Whether a row may have several sequences."""
        return self.manifest["packed"]

    def check_tokenizer(self, tokenizer: Tokenizer) -> None:
        """Raises VocabularyError if the examples were made with another vocabulary, or with other rules for text."""
        mine, theirs = vocabulary_sha256(tokenizer.vocabulary), self.manifest["vocabulary_sha256"]
        if mine != theirs:
            raise VocabularyError(
                f"{self.folder}: the examples were made with another vocabulary "
                f"({self.manifest['vocabulary_size']} tokens, sha256 {theirs[:12]}…) than "
                f"{tokenizer.vocabulary.source} ({len(tokenizer.vocabulary)} tokens, sha256 {mine[:12]}…); "
                "train with that vocabulary, or make the examples anew with this one"
            )
        made, rules = self.manifest["tokenizer"], tokenizer_settings(tokenizer)
        for name in made:
            if made[name] != rules.get(name):
                raise VocabularyError(
                    f"{self.folder}: the examples were made with {name:.80}={made[name]!s:.200}, and the tokenizer has "
                    f"{name:.80}={rules.get(name)}; make the examples anew, or change the tokenizer"
                )

    def check_files(self, *, sha256: bool = False) -> None:
        """Raises DataError for a shard that is missing or has another size; with `sha256`, other content."""
        for shard in self.shards:
            try:
                size = tf.io.gfile.stat(shard.path).length
            except tf.errors.NotFoundError:
                raise DataError(
                    f"{shard.path} is missing, which {MANIFEST} names; copy the whole folder again"
                ) from None
            if size != shard.bytes:
                raise DataError(
                    f"{shard.path} has {size} bytes, and {MANIFEST} says {shard.bytes}: "
                    f"{'truncated' if size < shard.bytes else 'changed'}; copy it again"
                )
            if sha256 and file_sha256(shard.path, tf.io.gfile.GFile) != shard.sha256:
                raise DataError(f"{shard.path} does not have the sha256 that {MANIFEST} says; copy it again")


def open_shards(source: str | os.PathLike[str], *, sha256: bool = False) -> Shards:
    """Opens a folder of pretraining examples, and checks that its shards are there and complete.

    Args:
        source: the folder, its manifest.json, or a glob of files in it such as "examples/*"; a glob that does not match
            the manifest (`examples/000*.tfrecord.gz`) chooses among the shards.
        sha256: also read every shard and compare its hash.

    Raises:
        DataError: no manifest, or a missing or truncated shard; names the file.
        ConfigError: a pattern that matches no shard.

    >>> open_shards("examples")
    Shards(examples: 3 shards, 12 rows)
    """
    source = os.fsdecode(source)
    folder, pattern = _folder_and_pattern(source)
    manifest = read_manifest(os.path.join(folder, MANIFEST), source)
    chosen = [Shard(**{**shard, "path": os.path.join(folder, shard["path"])}) for shard in manifest.pop("shards")]
    if not fnmatch.fnmatch(MANIFEST, pattern):
        chosen = [shard for shard in chosen if fnmatch.fnmatch(os.path.basename(shard.path), pattern)]
    if not chosen:
        raise ConfigError(f"{source}: none of the shards of {os.path.join(folder, MANIFEST)} has such a name")
    shards = Shards(folder, manifest, chosen)
    shards.check_files(sha256=sha256)
    return shards


def dataset(files: Iterable[str], *, static_masks: bool = False) -> tf.data.Dataset:
    """The rows of `files` in their order, as a tf.data.Dataset of dicts of int32 tensors [n], [k] and [m]."""
    records = tf.data.TFRecordDataset(list(files), compression_type="GZIP")
    return records.map(lambda record: parse(record, static_masks), num_parallel_calls=2, deterministic=True)


def parse(records: tf.Tensor, static_masks: bool = False) -> dict[str, tf.Tensor | tf.RaggedTensor]:
    """Serialized rows -> dict of int32 tensors: [n], [k], [m] for a scalar string; RaggedTensors [B, (n)] … for [B]."""
    names = {**FEATURES, **MASKED_FEATURES} if static_masks else FEATURES
    features = {name: tf.io.RaggedFeature(tf.int64) for name in names}
    parsed = (tf.io.parse_example if records.shape.rank else tf.io.parse_single_example)(records, features)
    return {name: tf.cast(values, tf.int32) for name, values in parsed.items()}


def vocabulary_sha256(vocabulary: Iterable[str]) -> str:
    """The hash that ties examples to a vocabulary: of its tokens, one a line, whatever file they came from.

    >>> vocabulary_sha256(["[PAD]", "film"])[:12]
    '20455e937cad'
    """
    return hashlib.sha256("".join(f"{token}\n" for token in vocabulary).encode("utf-8", "surrogatepass")).hexdigest()


def tokenizer_settings(tokenizer: Tokenizer) -> dict[str, Any]:
    """The rules that decide a text's ids besides the vocabulary, as plain values."""
    return dict(tokenizer.algorithm.rules)


def _folder_and_pattern(source: str) -> tuple[str, str]:
    """The folder in which the manifest must be, and the pattern for the names in it."""
    if tf.io.gfile.isdir(source):
        return source, "*"
    folder, pattern = os.path.split(source)
    return folder or ".", pattern
