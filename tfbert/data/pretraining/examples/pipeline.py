"""All items of work, by Apache Beam: in several processes on this machine, or on any of Beam's runners."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import itertools
import json
import os
import pathlib
import re
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import apache_beam as beam
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

import tfbert.errors
from tfbert.data.pretraining.examples.chinese_words import ChineseWords, is_chinese
from tfbert.data.pretraining.examples.local_workers import LocalWorkers, report
from tfbert.data.pretraining.examples.out_folder import OutFolder
from tfbert.data.pretraining.examples.plan import Item, described, plan
from tfbert.data.pretraining.examples.progress import Progress
from tfbert.data.pretraining.examples.reading import DocumentReader
from tfbert.data.pretraining.examples.settings import ExampleSettings
from tfbert.data.pretraining.examples.work import ShardMaker
from tfbert.data.pretraining.shards import tokenizer_settings, vocabulary_sha256
from tfbert.errors import ConfigError, TfbertError
from tfbert.temporary import tempfile_in, temporary_folder
from tfbert.text.tokenizer import Tokenizer

_LOCAL = ("DirectRunner", "FnApiRunner")
_FIRST_TEXTS = 16  # of each file, by which its language is known
_ERROR = re.compile(r"<tfbert error (\[.*?\])>")


def make_examples(
    files: Sequence[tuple[str, int]],
    settings: ExampleSettings,
    tokenizer: Tokenizer,
    out: str | os.PathLike[str],
    *,
    workers: int | None = None,
    runner: str | None = None,
    beam_options: Sequence[str] = (),
) -> dict[str, Any]:
    """Makes pretraining examples of text files in a folder, or resumes after an interruption. Returns the manifest.

    The same files, settings and vocabulary give the same bytes, for any runner and any number of workers.

    Args:
        files: (path, size) of each, as `tfbert.data.pretraining.examples.plan.find_files` gives them.
        tokenizer: its vocabulary must have a mask.
        out: a new folder or one with examples of the same settings, local or remote such as gs://….
        workers: processes on this machine; None for the number of processors.
        runner: a Beam runner's name; None for processes on this machine.
        beam_options: options of Beam and its runner, as on a command line.

    Raises:
        DataError, VocabularyError, ConfigError, DiskError: what is finished is kept, and the next call resumes.

    >>> from tfbert.data.pretraining.examples.plan import find_files
    >>> make_examples(find_files(["corpus/*.txt"]), ExampleSettings(), tokenizer, "examples")  # doctest: +SKIP
    """
    vocabulary = tokenizer.vocabulary
    _ = tokenizer.mask_id  # raises if there is none
    if settings.words == "auto":
        settings = dataclasses.replace(settings, words="jieba" if _are_chinese(files, settings) else "wordpiece")
    if settings.words == "jieba":
        ChineseWords()  # raises if jieba is not installed
    stated = {
        "vocabulary_sha256": vocabulary_sha256(vocabulary),
        "vocabulary_size": len(vocabulary),
        "tokenizer": tokenizer_settings(tokenizer),
        **settings.summary(),
    }
    folder = OutFolder(out)
    with folder.locked():
        return _make(folder, files, settings, tokenizer, stated, workers, runner, beam_options)


def _make(
    folder: OutFolder,
    files: Sequence[tuple[str, int]],
    settings: ExampleSettings,
    tokenizer: Tokenizer,
    stated: dict[str, Any],
    workers: int | None,
    runner: str | None,
    beam_options: Sequence[str],
) -> dict[str, Any]:
    about_input = described(files)
    if manifest := folder.open(stated, about_input):
        return manifest
    items = plan(files, settings.shard_bytes)
    maker = _MakeShards(settings, tokenizer.get_config(), folder.path)
    finish = _Finish(folder.path, stated, about_input)
    try:
        with Progress(folder, items) as progress, temporary_folder() as temporary:
            if runner in (None, *_LOCAL):
                try:
                    _run_here(items, maker, finish, progress, workers or os.cpu_count(), beam_options, temporary)
                finally:
                    folder.remove_half_written()  # by workers that ended with another one's error, or with ^C
            else:
                _run(_pipeline(items, maker, finish, runner, beam_options, temporary), progress)
    except TfbertError:
        folder.remove_if_without_shards()
        raise
    return folder.open(stated, about_input)


def _pipeline(
    items: list[Item],
    maker: _MakeShards,
    finish: _Finish,
    runner: str | FnApiRunner,
    options: Sequence[str],
    temporary: pathlib.Path,
) -> beam.Pipeline:
    parsed = PipelineOptions(list(options))
    if isinstance(runner, FnApiRunner):  # other runners have options that Beam itself does not know
        unknown = parsed.get_all_options(retain_unknown_options=True).keys() - parsed.get_all_options().keys()
        if unknown:
            raise ConfigError(f"Apache Beam's direct runner has no option {', '.join(sorted(unknown))}")
    try:
        with tempfile_in(temporary):  # where a pipeline makes a folder that a kill would leave
            pipeline = beam.Pipeline(runner=runner, options=parsed)
    except ValueError as error:  # an unknown runner
        raise ConfigError(f"Apache Beam: {error}") from None
    records = pipeline | "Items" >> beam.Create(items) | beam.Reshuffle() | "Make shards" >> beam.ParDo(maker)
    _ = records | beam.combiners.ToList() | "Write manifest" >> beam.Map(finish)
    return pipeline


class _MakeShards(beam.DoFn):
    """An Item -> the records of its parts."""

    def __init__(self, settings: ExampleSettings, tokenizer_config: dict[str, Any], out: str) -> None:
        self._settings, self._tokenizer_config, self._out = settings, tokenizer_config, out

    def setup(self) -> None:
        with contextlib.suppress(RuntimeError):  # TensorFlow runs already, in a process that is not Beam's own
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        with _told():
            self._maker = ShardMaker(self._settings, self._tokenizer_config, self._out)
        gc.freeze()  # the garbage collector skips TensorFlow's modules, which saves 5 % of the time

    def process(self, item: Item) -> Iterator[dict]:
        with _told():
            records = self._maker(item)
        for record in records:
            for name, value in record.items():
                if isinstance(value, int):
                    beam.metrics.Metrics.counter("tfbert", name).inc(value)
            yield record


@dataclasses.dataclass(frozen=True)
class _Finish:
    """The records of all parts -> the manifest."""

    out: str
    settings: dict
    input: dict

    def __call__(self, records: list[dict]) -> None:
        with _told():
            OutFolder(self.out).finish(self.settings, self.input, records)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """An error of a worker becomes one whose text brings its class and message to the launching process, through any
    runner."""
    try:
        yield
    except Exception as error:
        what = [type(error).__name__, str(error)] if isinstance(error, TfbertError) else ["", traceback.format_exc()]
        text = f"<tfbert error {json.dumps(what)}>"
        report(text)
        raise RuntimeError(text) from None


def _raise(text: str) -> NoReturn:
    """Raises the error that `_told` has put into a text."""
    found = _ERROR.search(text)
    name, message = json.loads(found[1]) if found else ("TfbertError", text)
    raise getattr(tfbert.errors, name)(message) if name else RuntimeError(message)


def _run_here(
    items: list[Item],
    maker: _MakeShards,
    finish: _Finish,
    progress: Progress,
    workers: int,
    options: Sequence[str],
    temporary: pathlib.Path,
) -> None:
    with LocalWorkers() as processes:
        environment = SubprocessSDKEnvironment.from_command_string(processes.command)
        options = [f"--direct_num_workers={min(workers, len(items))}", *options]
        runner = FnApiRunner(default_environment=environment)
        _run(_pipeline(items, maker, finish, runner, options, temporary), progress, processes.error)


def _run(
    pipeline: beam.Pipeline, progress: Progress, error_of_workers: Callable[[], str | None] = lambda: None
) -> None:
    """Runs a pipeline in a thread; the main thread can leave it after ^C, or if a worker has failed."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            result = pipeline.run()
            outcome.append(result.wait_until_finish())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.5)
        progress.update()
        if error := error_of_workers():
            _raise(error)
    if isinstance(outcome[0], Exception):
        _raise(str(outcome[0]))
    if outcome[0] not in (None, "DONE"):
        raise RuntimeError(f"the pipeline ended as {outcome[0]}; see the runner's own logs")


def _are_chinese(files: Sequence[tuple[str, int]], settings: ExampleSettings) -> bool:
    """Whether most letters at the beginning of the first files are Chinese."""
    reader = DocumentReader(settings.documents, text_field=settings.text_field, limit=settings.shard_bytes)
    texts: list[bytes] = []
    for item in plan(files[:_FIRST_TEXTS], settings.shard_bytes)[:_FIRST_TEXTS]:
        for piece in item.pieces:
            texts += [document[0] for document in itertools.islice(reader(piece), _FIRST_TEXTS)]
    return is_chinese(b" ".join(texts).decode("utf-8", "replace"))
