"""Makes pretraining examples from text files: sentences, tokens, pairs, in TFRecord shards with a manifest.

tfbert make-examples --input='corpus/*.txt.gz' --vocab=vocab.txt --out=examples
tfbert make-examples --input='zh/*.jsonl' --vocab=zh_tokenizer --max_length=512 --pack --out=zh_examples
tfbert make-examples --input='gs://bucket/*.txt' --vocab=vocab.txt --out=gs://bucket/examples --runner=FlinkRunner \\
  --beam_options='--flink_master=host:8081 --environment_type=DOCKER'

Documents are separated by empty lines, or are files or JSON objects (--documents). The same command resumes after an
interruption; the same seed gives the same shards, whatever the number of workers.
"""

import logging
import os
import pathlib
import shlex

from absl import flags

from tfbert.data.pretraining.examples.settings import (
    DOCUMENTS,
    MASK_UNITS,
    MASKINGS,
    OBJECTIVES,
    SENTENCES,
    WORDS,
    ExampleSettings,
)
from tfbert.errors import ConfigError, VocabularyError
from tfbert.temporary import temporary_folder

_INPUT = flags.DEFINE_list("input", None, "Text files, .gz or not; * and ** stand for any names.", required=True)
_VOCAB = flags.DEFINE_string("vocab", None, "A vocab.txt, or a folder with one and its settings.", required=True)
_OUT = flags.DEFINE_string("out", None, "A new folder, or one to resume.", required=True)
_LOWER_CASE = flags.DEFINE_bool(
    "lower_case",
    None,
    "Lower-case the text and strip accents; as the vocabulary's folder or capitals say, unless given.",
)
_SETTINGS = {
    "objective": flags.DEFINE_enum("objective", "nsp", OBJECTIVES, "Next sentence, sentence order, or full sentences."),
    "max_length": flags.DEFINE_integer("max_length", 128, "Tokens of a row at most."),
    "short_probability": flags.DEFINE_float("short_probability", 0.1, "Share of pairs that are meant to be shorter."),
    "documents": flags.DEFINE_enum(
        "documents", "auto", DOCUMENTS, "What ends a document; auto: jsonl by the suffix, else blank_lines."
    ),
    "text_field": flags.DEFINE_string("text_field", "text", "The text's key in JSON objects."),
    "sentences": flags.DEFINE_enum("sentences", "rules", SENTENCES, "How texts are cut: by rules, or one a line."),
    "words": flags.DEFINE_enum("words", "auto", WORDS, "What a whole word is; auto: jieba where the text is Chinese."),
    "packed": flags.DEFINE_bool("pack", False, "Put several short sequences into one row."),
    "masking": flags.DEFINE_enum("masking", "dynamic", MASKINGS, "Masks are drawn in training, or here once for all."),
    "mask_units": flags.DEFINE_enum("mask_units", "whole_word", MASK_UNITS, "Units that a static mask hides."),
    "mask_rate": flags.DEFINE_float("mask_rate", 0.15, "Share of tokens that static masks hide."),
    "max_predictions": flags.DEFINE_integer("max_predictions", 20, "Tokens of a row at most that they hide."),
    "duplicates": flags.DEFINE_integer(
        "duplicates", 0, "Passes over the text, each with other pairs; 0: 10 with static masks, else 1.", 0
    ),
    "seed": flags.DEFINE_integer("seed", 0, "Seed of everything random."),
}
_SHARD_MB = flags.DEFINE_float("shard_mb", 4, "About how much text makes a shard, in MB; bounds a worker's memory.")
_WORKERS = flags.DEFINE_integer("workers", None, "Processes on this machine; its processors unless given.", 1)
_RUNNER = flags.DEFINE_string("runner", None, "A runner of Apache Beam; processes on this machine unless given.")
_BEAM_OPTIONS = flags.DEFINE_string("beam_options", "", "Options of Beam and its runner, as on a command line.")


def main(argv: list[str]) -> None:
    values = {name: flag.value for name, flag in _SETTINGS.items()}
    settings = ExampleSettings(**values, shard_bytes=round(_SHARD_MB.value * (1 << 20)))
    logging.disable(logging.WARNING)  # Beam warns of missing libraries for BigQuery when it is imported
    try:
        from tfbert.data.pretraining.examples.pipeline import make_examples
        from tfbert.data.pretraining.examples.plan import find_files
    except ModuleNotFoundError as error:
        if not error.name.startswith("apache_beam"):
            raise
        raise ConfigError("make-examples needs apache_beam, not installed: pip install 'tfbert[beam]'") from None
    logging.disable(logging.NOTSET)

    tokenizer = _tokenizer(_VOCAB.value)
    manifest = make_examples(
        find_files(_INPUT.value),
        settings,
        tokenizer,
        _OUT.value,
        workers=_WORKERS.value,
        runner=_RUNNER.value,
        beam_options=shlex.split(_BEAM_OPTIONS.value),
    )
    _save_beside(tokenizer, _OUT.value)
    counts = manifest["counts"]
    print(
        f"{counts['rows']:,} rows of {counts['sequences']:,} sequences, from {counts['documents']:,} documents with "
        f"{counts['sentences']:,} sentences, are in {len(manifest['shards'])} shards in {_OUT.value}\n"
        f"{counts['tokens']:,} tokens: {counts['real_share']:.1%} of rows filled up to {manifest['max_length']}; "
        f"{counts['unknown_tokens'] / max(1, counts['text_tokens']):.2%} of the text is unknown to the vocabulary"
    )


def _save_beside(tokenizer, out):
    """The tokenizer's files beside the examples, so that training needs nothing else; `out` may be gs://…."""
    import tensorflow as tf

    with temporary_folder() as folder:
        tokenizer.save(folder)
        for path in folder.iterdir():
            tf.io.gfile.copy(str(path), os.path.join(out, path.name), overwrite=True)


def _tokenizer(path):
    from tfbert.text import Tokenizer

    path = pathlib.Path(path)
    lower_case = _LOWER_CASE.value
    rules = {} if lower_case is None else {"lower_case": lower_case, "strip_accents": lower_case}
    if path.name != "vocab.txt" and not path.is_dir():
        return Tokenizer.from_file(path, **rules)
    if path.name == "vocab.txt" and not path.exists():
        raise VocabularyError(f"there is no vocabulary file {path}")
    tokenizer = Tokenizer.from_folder(path if path.is_dir() else path.parent)
    return Tokenizer.from_config(tokenizer.get_config(), **rules) if rules else tokenizer
