"""Models and their versions: loaded, taken up when new folders come, unloaded when nobody asks them any more.

A new version is loaded and warmed up before the old one goes, and the old one goes when its last request has been
answered: no request is dropped. A version that cannot be loaded leaves the old one in place and is tried again
when its folder has changed.
"""

import contextlib
import logging
import threading

import tensorflow as tf
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus

from tfbert.errors import ServingError
from tfbert.serving.models.model_version import ModelVersion

_log = logging.getLogger("tfbert.serving")

# A day of new versions every minute; older ones are forgotten by GetModelStatus.
_MAX_ENDED = 1440


class ModelManager:
    """Keeps the versions that `ModelSettings` ask for; may be used from several threads.

    `parameters`: `BatchingParameters` for models without a file of them; `join`: whether requests are
    joined; `poll_seconds`: how often the folders are looked at, 0 never; `observe`: see `Batcher`.
    """

    def __init__(self, parameters, *, join=True, poll_seconds=1.0, observe=None):
        self._parameters, self._join, self._poll_seconds, self._observe = parameters, join, poll_seconds, observe
        self._settings = {}
        self._versions = {}  # model -> version -> ModelVersion
        self._staged = []  # brought up, and not among the others yet
        self._changed = threading.Condition()
        self._loading = threading.Lock()  # one reconciliation at a time
        self._closed = threading.Event()
        self._thread = None

    def reload(self, settings):
        """Serves these models and no others; returns when they are loaded.

        All of it takes effect at once, labels too, when everything is loaded. A model without a version that can be
        loaded, and a label of a version that is not there, raise `ServingError`, and what was served before stays.
        """
        with self._reconciling():
            for each in settings:
                wanted = each.wanted()
                for entry in self._missing(each.name, wanted):
                    self._bring_up(entry)
                    if self._closed.is_set():
                        raise ServingError("the server is being stopped; what was served before stays until then")
                self._check(each, wanted)
            self._commit({each.name: each for each in settings})
            self._unload_rest()
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
            known = {**self._versions.get(name, {})}
            for each in self._staged:
                if each.model == name and not _answers(known.get(each.version)):
                    known[each.version] = each
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
            return [each for known in self._versions.values() for each in known.values() if each.answers]

    def close(self, timeout=None):
        """Ends all versions; what waits is computed first, for `timeout` seconds a version.

        A version that is being loaded can end only then; after `timeout` seconds this is left to its thread.
        """
        self._closed.set()
        if self._loading.acquire(timeout=-1 if timeout is None else timeout):
            try:
                self._unload_all(timeout)
            finally:
                self._loading.release()
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
            if each.answers and number in (None, version)
        ]
        if not candidates:
            raise tf.errors.NotFoundError(None, None, f"Servable not found for request: {asked}")
        return max(candidates, key=lambda each: each.version)

    def _poll(self):
        while not self._closed.wait(self._poll_seconds):
            with self._reconciling():
                if self._closed.is_set():
                    return
                try:
                    for settings in self._settings.values():
                        for entry in self._missing(settings.name, settings.wanted()):
                            self._bring_up(entry)
                            if self._closed.is_set():
                                return
                            self._commit()
                    self._unload_rest()
                except Exception:  # the next look may go better
                    _log.exception("looking for versions failed", extra={"event": "poll_failed"})

    @contextlib.contextmanager
    def _reconciling(self):
        """One at a time. What it does not commit is unloaded again, and all is where `close` came meanwhile."""
        with self._loading:
            try:
                yield
            finally:
                with self._changed:
                    left, self._staged = self._staged, []
                for entry in left:
                    if entry.loaded:
                        self._unload(entry)
                if self._closed.is_set():
                    self._unload_all(timeout=0)

    def _missing(self, name, wanted):
        """The wanted versions to load: not there yet, or failed and changed since."""
        for version, folder in wanted.items():
            known = self._versions.get(name, {}).get(version)
            if known is None or known.folder != folder or known.may_load():
                yield ModelVersion(name, version, folder)

    def _bring_up(self, entry):
        with self._changed:
            self._staged.append(entry)
        entry.load(self._parameters, join=self._join, observe=self._observe)

    def _check(self, settings, wanted):
        """Raises `ServingError` unless the settings can be committed."""
        entries = (*self._versions.get(settings.name, {}).values(), *self._staged)
        there = {
            each.version: each
            for each in entries
            if each.model == settings.name and each.folder == wanted.get(each.version)
        }
        loaded = {version for version, each in there.items() if each.loaded}
        if not loaded:
            failures = (there[version].error for version in sorted(there, reverse=True))
            raise ServingError(
                next(filter(None, failures), None)
                or f"{settings.base_path}: no version folder (a number); export a model to one"
            )
        for label, version in settings.labels:
            if version not in loaded:
                raise ServingError(
                    f"Request to assign label {label!r} to version {version} of model {settings.name}, "
                    f"which is not currently available for inference"
                )

    def _commit(self, settings=None):
        """What was brought up answers from here on, all of it at once, and by new settings where there are some."""
        replaced = []
        with self._changed:
            if settings is not None:
                self._settings = settings
            for entry in self._staged:
                known = self._versions.setdefault(entry.model, {})
                before = known.get(entry.version)
                if entry.loaded:
                    entry.state = ModelVersionStatus.AVAILABLE
                if _answers(before):
                    if not entry.loaded:
                        continue  # the same version of another folder goes on
                    replaced.append(before)
                known[entry.version] = entry
            self._staged = []
        for before in replaced:
            self._unload(before)

    def _unload_all(self, timeout):
        self._settings = {}
        self._unload_rest(timeout)

    def _unload_rest(self, timeout=None):
        """Unloads what is not asked for, a model's last version only when the model itself is not."""
        for name, known in list(self._versions.items()):
            settings = self._settings.get(name)
            wanted = settings.wanted() if settings else {}
            kept = [each for each in known.values() if each.answers and each.folder == wanted.get(each.version)]
            if settings and not kept:
                continue  # nothing takes its place
            for _, each in sorted(known.items()):
                if each.answers and each not in kept:
                    self._unload(each, timeout)
            with self._changed:
                ended = sorted(version for version, each in known.items() if each.state == ModelVersionStatus.END)
                for version in ended[:-_MAX_ENDED]:
                    del known[version]

    def _unload(self, entry, timeout=None):
        with self._changed:
            entry.state = ModelVersionStatus.UNLOADING  # from here on nobody gets it
            self._changed.wait_for(lambda: not entry.in_use, timeout)
        entry.unload(timeout)
        with self._changed:
            entry.state = ModelVersionStatus.END


def _answers(entry):
    return entry is not None and entry.answers
