"""All items of work, by Apache Beam: on this machine in several processes, or on any runner that Beam has."""

import collections
import contextlib
import dataclasses
import gc
import itertools
import json
import os
import re
import threading
import traceback

import apache_beam as beam
import tensorflow as tf
import tqdm
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

import tfbert.errors
from tfbert.data.pretraining.examples.chinese_words import ChineseWords, is_chinese
from tfbert.data.pretraining.examples.local_workers import LocalWorkers, report
from tfbert.data.pretraining.examples.out_folder import OutFolder
from tfbert.data.pretraining.examples.plan import described, plan
from tfbert.data.pretraining.examples.reading import DocumentReader
from tfbert.data.pretraining.examples.work import ShardMaker
from tfbert.data.pretraining.shards import tokenizer_settings, vocabulary_sha256
from tfbert.errors import ConfigError, TfbertError

_LOCAL = ("DirectRunner", "FnApiRunner")
_FIRST_TEXTS = 16  # of each file that is looked at for its language
_ERROR = re.compile(r"<tfbert error (\[.*?\])>")


def make_examples(files, settings, tokenizer, out, *, workers=None, runner=None, beam_options=()):
    """Makes pretraining examples of text files in a folder; goes on where it was interrupted. Returns the manifest.

    The same files, settings and vocabulary give the same bytes, whatever the runner and the number of workers.

    Args:
        files: list of (path, size), as `tfbert.data.pretraining.examples.plan.find_files` gives them.
        settings: ExampleSettings.
        tokenizer: a Tokenizer; its vocabulary must have [MASK].
        out: a folder that is new or has examples of the same settings, local or such as gs://….
        workers: processes on this machine; as many as there are processors unless given.
        runner: a Beam runner's name; None for processes on this machine.
        beam_options: of Beam and its runner, as on a command line.

    Raises DataError, VocabularyError, ConfigError and DiskError; what is finished by then is kept for the next call.
    """
    vocabulary = tokenizer.vocabulary
    _ = tokenizer.mask_id  # raises now that there is none
    if settings.words == "auto":
        settings = dataclasses.replace(settings, words="jieba" if _are_chinese(files, settings) else "wordpiece")
    if settings.words == "jieba":
        ChineseWords()  # tells now that it is not installed
    stated = {
        "vocabulary_sha256": vocabulary_sha256(vocabulary),
        "vocabulary_size": len(vocabulary),
        "tokenizer": tokenizer_settings(tokenizer),
        **settings.summary(),
    }
    folder = OutFolder(out)
    with folder.locked():
        return _make(folder, files, settings, tokenizer, stated, workers, runner, beam_options)


def _make(folder, files, settings, tokenizer, stated, workers, runner, beam_options):
    about_input = described(files)
    if manifest := folder.open(stated, about_input):
        return manifest
    items = plan(files, settings.shard_bytes)
    maker = _MakeShards(settings, tokenizer.get_config(), folder.path)
    finish = _Finish(folder.path, stated, about_input)
    try:
        with _Progress(folder, items) as progress:
            if runner in (None, *_LOCAL):
                try:
                    _run_here(items, maker, finish, progress, workers or os.cpu_count(), beam_options)
                finally:
                    folder.remove_half_written()  # of workers that another one's error, or ^C, has ended
            else:
                _run(_pipeline(items, maker, finish, runner, beam_options), progress)
    except TfbertError:
        folder.remove_if_without_shards()
        raise
    return folder.open(stated, about_input)


def _pipeline(items, maker, finish, runner, options):
    options = PipelineOptions(list(options))
    if isinstance(runner, FnApiRunner):  # others ask elsewhere what an option means
        unknown = options.get_all_options(retain_unknown_options=True).keys() - options.get_all_options().keys()
        if unknown:
            raise ConfigError(f"Apache Beam's direct runner has no option {', '.join(sorted(unknown))}")
    try:
        pipeline = beam.Pipeline(runner=runner, options=options)
    except ValueError as error:  # of a runner that it does not know
        raise ConfigError(f"Apache Beam: {error}") from None
    records = pipeline | "Items" >> beam.Create(items) | beam.Reshuffle() | "Make shards" >> beam.ParDo(maker)
    _ = records | beam.combiners.ToList() | "Write manifest" >> beam.Map(finish)
    return pipeline


class _MakeShards(beam.DoFn):
    """An Item -> the records of its parts."""

    def __init__(self, settings, tokenizer_config, out):
        self._settings, self._tokenizer_config, self._out = settings, tokenizer_config, out

    def setup(self):
        with contextlib.suppress(RuntimeError):  # TensorFlow runs already, in a process that is not only Beam's
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        with _told():
            self._maker = ShardMaker(self._settings, self._tokenizer_config, self._out)
        gc.freeze()  # TensorFlow's modules need not be looked through for garbage again and again: 5 % of the time

    def process(self, item):
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

    def __call__(self, records):
        with _told():
            OutFolder(self.out).finish(self.settings, self.input, records)


@contextlib.contextmanager
def _told():
    """An error of a worker becomes one whose text tells the launching process what it was, through any runner."""
    try:
        yield
    except Exception as error:
        what = [type(error).__name__, str(error)] if isinstance(error, TfbertError) else ["", traceback.format_exc()]
        text = f"<tfbert error {json.dumps(what)}>"
        report(text)
        raise RuntimeError(text) from None


def _raise(text):
    """Raises the error that `_told` has put into a text."""
    found = _ERROR.search(text)
    name, message = json.loads(found[1]) if found else ("TfbertError", text)
    raise getattr(tfbert.errors, name)(message) if name else RuntimeError(message)


def _run_here(items, maker, finish, progress, workers, options):
    with LocalWorkers() as processes:
        environment = SubprocessSDKEnvironment.from_command_string(processes.command)
        options = [f"--direct_num_workers={min(workers, len(items))}", *options]
        runner = FnApiRunner(default_environment=environment)
        _run(_pipeline(items, maker, finish, runner, options), progress, processes.error)


def _run(pipeline, progress, error_of_workers=lambda: None):
    """Runs a pipeline in a thread, which the main one can leave: after ^C or when a worker has failed."""
    outcome = []

    def run():
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


class _Progress:
    """A progress bar over the text of finished parts and items, read from the out folder, whoever makes them."""

    def __init__(self, folder, items):
        self._folder = folder
        self._sizes = {f"{item.number:05}": item.text_bytes for item in items}
        self._parts = {}  # text of each finished part

    def __enter__(self):
        total = sum(self._sizes.values())
        self._bar = tqdm.tqdm(total=total, unit="B", unit_scale=True, desc="text", dynamic_ncols=True)
        self.update()
        self._bar.initial = self._bar.n  # what was finished before counts for nothing in the speed
        return self

    def __exit__(self, *error):
        self._bar.n = self._bar.n if error[0] else self._bar.total
        self._bar.close()

    def update(self):
        """Looks for what is finished by now."""
        names = self._folder.finished_names()
        done = {name: self._sizes[name] for name in names & self._sizes.keys()}
        of_parts = collections.Counter()
        for name in names - self._sizes.keys():
            if name not in self._parts:
                self._parts[name] = self._folder.text_bytes(name)
            of_parts[name.split("-")[0]] += self._parts[name]
        # How much text there is in compressed files is a guess.
        done = {**{name: min(size, self._sizes.get(name, 0)) for name, size in of_parts.items()}, **done}
        self._bar.update(sum(done.values()) - self._bar.n)


def _are_chinese(files, settings):
    """Whether most letters are Chinese at the beginning of the first files."""
    reader = DocumentReader(settings.documents, text_field=settings.text_field, limit=settings.shard_bytes)
    texts = []
    for item in plan(files[:_FIRST_TEXTS], settings.shard_bytes)[:_FIRST_TEXTS]:
        for piece in item.pieces:
            texts += [document[0] for document in itertools.islice(reader(piece), _FIRST_TEXTS)]
    return is_chinese(b" ".join(texts).decode("utf-8", "replace"))
