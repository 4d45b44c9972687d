"""Models and their versions: loaded, taken up when new folders come, unloaded when nobody asks them any more.

A new version is loaded and warmed up before the old one goes, and the old one goes when its last request has been
answered: no request is dropped. A version that cannot be loaded leaves the old one in place and is tried again
when its folder has changed.
"""

import contextlib
import dataclasses
import gc
import logging
import threading

import tensorflow as tf
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus

from tfbert.errors import ServingError
from tfbert.serving.batching import Batcher
from tfbert.serving.batching_parameters import read_parameters
from tfbert.serving.servable import Servable
from tfbert.serving.warm_up import warm_up

_log = logging.getLogger("tfbert.serving")

# A day of new versions every minute; older ones are forgotten by GetModelStatus.
_MAX_ENDED = 1440


@dataclasses.dataclass(eq=False)
class ModelVersion:
    """One version of one model: its state, and when it is AVAILABLE its servable and the batcher before it."""

    model: str
    version: int
    folder: object
    state: int = ModelVersionStatus.START
    error: str = ""
    servable: Servable | None = None
    batcher: Batcher | None = None
    in_use: int = 0
    seen: object = None  # the folder as it was when it could not be loaded


class ModelManager:
    """Keeps the versions that `ModelSettings` ask for; may be used from several threads.

    `parameters`: `BatchingParameters` for models without a file of them; `join`: whether requests are
    joined; `poll_seconds`: how often the folders are looked at, 0 never; `observe`: see `Batcher`.
    """

    def __init__(self, parameters, *, join=True, poll_seconds=1.0, observe=None):
        self._parameters, self._join, self._poll_seconds, self._observe = parameters, join, poll_seconds, observe
        self._settings = {}
        self._versions = {}  # model -> version -> ModelVersion
        self._changed = threading.Condition()
        self._loading = threading.Lock()  # one reconciliation at a time
        self._closed = threading.Event()
        self._thread = None

    def reload(self, settings):
        """Serves these models and no others; returns when they are loaded.

        A model without a version that can be loaded, and a label of a version that is not there, raise
        `ServingError`, and what was served before stays.
        """
        with self._loading:
            before, self._settings = self._settings, {each.name: each for each in settings}
            try:
                for each in settings:
                    self._check(each, self._load(each))
            except BaseException:
                self._settings = before
                raise
            self._unload_all()
        if self._poll_seconds and self._thread is None:
            self._thread = threading.Thread(target=self._poll, name="tfbert-versions", daemon=True)
            self._thread.start()

    @contextlib.contextmanager
    def lease(self, spec):
        """The `ModelVersion` that a ModelSpec asks for; it is not unloaded before the block ends."""
        with self._changed:
            found = self._find(spec)
            found.in_use += 1
        try:
            yield found
        finally:
            with self._changed:
                found.in_use -= 1
                self._changed.notify_all()

    def status(self, name, version=None):
        """The versions of a model, the newest first, as (version, state, error); all that were ever served."""
        with self._changed:
            known = self._versions.get(name, {})
            return [
                (each.version, each.state, each.error)
                for number, each in sorted(known.items(), reverse=True)
                if version in (None, number)
            ]

    def labelled(self, name, label):
        """The version that a label names, or None."""
        settings = self._settings.get(name)
        return dict(settings.labels).get(label) if settings else None

    def available(self):
        """All versions that answer requests."""
        with self._changed:
            return [each for known in self._versions.values() for each in known.values() if _answers(each)]

    def close(self, timeout=None):
        """Ends all versions and their threads; what waits is computed first, for `timeout` seconds a version."""
        self._closed.set()
        with self._loading:
            self._settings = {}
            self._unload_all(timeout)
        if self._thread is not None:
            self._thread.join()

    def _find(self, spec):
        choice = spec.WhichOneof("version_choice")
        asked, number = f"Latest({spec.name})", None
        if choice == "version_label":
            number = self.labelled(spec.name, spec.version_label)
            if number is None:
                raise tf.errors.InvalidArgumentError(
                    None, None, f"Unrecognized servable version label: {spec.version_label}"
                )
        elif choice == "version":
            number = spec.version.value
        if number is not None:
            asked = f"Specific({spec.name}, {number})"
        candidates = [
            each
            for version, each in self._versions.get(spec.name, {}).items()
            if _answers(each) and number in (None, version)
        ]
        if not candidates:
            raise tf.errors.NotFoundError(None, None, f"Servable not found for request: {asked}")
        return max(candidates, key=lambda each: each.version)

    def _poll(self):
        while not self._closed.wait(self._poll_seconds):
            with self._loading:
                if self._closed.is_set():
                    return
                try:
                    for settings in list(self._settings.values()):
                        self._load(settings)
                    self._unload_all()
                except Exception:  # the next look may go better
                    _log.exception("looking for versions failed", extra={"event": "poll_failed"})

    def _load(self, settings):
        """Loads what is wanted and not there yet; what went wrong with the newest version that failed."""
        failure = None
        for version, folder in settings.wanted().items():
            known = self._versions.get(settings.name, {}).get(version)
            there = known is not None and known.folder == folder
            if there and _answers(known):
                continue
            if there and known.seen == _look(folder):
                failure = known.error
                continue
            entry = ModelVersion(settings.name, version, folder, state=ModelVersionStatus.LOADING, seen=_look(folder))
            # The same version of another folder answers until this one can.
            before = known if known is not None and _answers(known) else None
            if before is None:
                self._show(entry)
            try:
                self._bring_up(entry)
            except ServingError as error:
                failure = str(error)
                with self._changed:
                    entry.state, entry.error = ModelVersionStatus.END, failure
                _log.error("%s", error, extra=_event("load_failed", entry))
            else:
                self._show(entry)
                if before is not None:
                    self._unload(before)
        return failure

    def _show(self, entry):
        with self._changed:
            self._versions.setdefault(entry.model, {})[entry.version] = entry

    def _bring_up(self, entry):
        parameters = read_parameters(entry.folder, self._parameters)
        servable = Servable(entry.folder)
        batcher = Batcher(servable, parameters, join=self._join, observe=self._observe)
        try:
            count = warm_up(servable, batcher.submit)
        except BaseException:
            batcher.close()
            raise
        with self._changed:
            entry.servable, entry.batcher, entry.state = servable, batcher, ModelVersionStatus.AVAILABLE
        _log.info("version loaded, %d warm-up requests", count, extra=_event("loaded", entry))

    def _check(self, settings, failure):
        known = self._versions.get(settings.name, {})
        wanted = settings.wanted()
        answering = [each for each in known.values() if _answers(each) and wanted.get(each.version) == each.folder]
        if not answering:
            raise ServingError(failure or f"{settings.base_path}: no version folder (a number); export a model to one")
        for label, version in settings.labels:
            if version not in known or not _answers(known[version]):
                raise ServingError(
                    f"Request to assign label {label!r} to version {version} of model {settings.name}, "
                    f"which is not currently available for inference"
                )

    def _unload_all(self, timeout=None):
        """Unloads what is not asked for, a model's last version only when the model itself is not."""
        for name, known in list(self._versions.items()):
            settings = self._settings.get(name)
            wanted = settings.wanted() if settings else {}
            if settings and not any(version in wanted and _answers(each) for version, each in known.items()):
                continue  # nothing takes its place
            for version, each in sorted(known.items()):
                if _answers(each) and version not in wanted:
                    self._unload(each, timeout)
            with self._changed:
                ended = sorted(version for version, each in known.items() if each.state == ModelVersionStatus.END)
                for version in ended[:-_MAX_ENDED]:
                    del known[version]

    def _unload(self, entry, timeout=None):
        with self._changed:
            entry.state = ModelVersionStatus.UNLOADING  # from here on nobody gets it
            self._changed.wait_for(lambda: not entry.in_use, timeout)
        entry.batcher.close(timeout)
        with self._changed:
            entry.servable = entry.batcher = None
            entry.state, entry.seen = ModelVersionStatus.END, None
        gc.collect()  # a loaded SavedModel has reference cycles: its weights would stay for long
        _log.info("version unloaded", extra=_event("unloaded", entry))


def _answers(entry):
    return entry.state == ModelVersionStatus.AVAILABLE


def _look(folder):
    """What changes when somebody goes on copying a folder."""
    try:
        return sorted((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*"))
    except OSError:
        return None


def _event(event, entry):
    return {"event": event, "model": entry.model, "version": entry.version}
