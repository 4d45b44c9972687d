"""Models and their versions: loads new version folders while it serves, and unloads those that are not wanted any more.

No request is dropped: a new version is loaded and warmed up before the old one is taken out of service, and the old
one is unloaded after its last request. If a version cannot be loaded, the old one stays, and the new one is tried
again when its folder changes.
"""

from __future__ import annotations

import contextlib
import logging
import pathlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

from tensorflow_serving.apis import model_pb2
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus

from tfbert.errors import ServingError
from tfbert.serving.models.batching_parameters import BatchingParameters
from tfbert.serving.models.engine import EngineChoice
from tfbert.serving.models.model_version import ModelVersion
from tfbert.serving.models.versions import ModelSettings
from tfbert.serving.protocol.status_codes import Code, StatusError, invalid

_log = logging.getLogger("tfbert.serving")

# Ended versions that GetModelStatus still reports for a model: one day of a new version every minute.
_MAX_ENDED = 1440


class ModelManager:
    """Keeps the versions loaded that `ModelSettings` ask for; several threads may use it.

    Args:
        parameters: for models whose folder has no batching parameters of its own.
        join, observe: see `Batcher`.
        poll_seconds: how often to look for new version folders; 0: never.
        engine: of all models; the SavedModel unless given.

    >>> models = ModelManager(BatchingParameters())
    >>> models.reload([ModelSettings("mine", pathlib.Path("served/mine"))])
    >>> [(each.model, each.version) for each in models.available()]
    [('mine', 1)]
    >>> models.close()
    """

    def __init__(
        self,
        parameters: BatchingParameters,
        *,
        join: bool = True,
        poll_seconds: float = 1.0,
        engine: EngineChoice | None = None,
        observe: Callable[[int, int, float], None] | None = None,
    ) -> None:
        self._parameters, self._join, self._poll_seconds, self._observe = parameters, join, poll_seconds, observe
        self._engine = engine or EngineChoice()
        self._settings: dict[str, ModelSettings] = {}
        self._versions: dict[str, dict[int, ModelVersion]] = {}  # by model and number
        self._failures: dict[str, str] = {}  # by model: why the last poll failed
        self._staged: list[ModelVersion] = []  # loading or loaded; they serve after `_commit`
        self._changed = threading.Condition()
        self._loading = threading.Lock()  # held by the one thread that loads and unloads
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def reload(self, settings: Sequence[ModelSettings]) -> None:
        """Serves these models and no others, from the moment when all of them are loaded; returns then.

        Raises:
            ServingError: no version of a model can be loaded, or a label's version is missing. Nothing changes.
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
    def lease(self, spec: model_pb2.ModelSpec) -> Iterator[ModelVersion]:
        """The version that a ModelSpec asks for; it stays loaded until the block ends."""
        with self._changed:
            found = self._find(spec)
            found.in_use += 1
        try:
            yield found
        finally:
            with self._changed:
                found.in_use -= 1
                self._changed.notify_all()

    def status(self, name: str, version: int | None = None) -> list[tuple[int, int, str]]:
        """(version, state, error) of all versions of a model, or of one; the newest first, ended ones included."""
        with self._changed:
            known = {**self._versions.get(name, {})}
            for each in self._staged:
                if each.model == name and not _is_available(known.get(each.version)):
                    known[each.version] = each
            return [
                (each.version, each.state, each.error)
                for number, each in sorted(known.items(), reverse=True)
                if version in (None, number)
            ]

    def labelled(self, name: str, label: str) -> int | None:
        """The version of a model that a label names, or None."""
        settings = self._settings.get(name)
        return dict(settings.labels).get(label) if settings else None

    def labels(self, name: str) -> list[str]:
        """The labels of a model."""
        settings = self._settings.get(name)
        return [label for label, _ in settings.labels] if settings else []

    def available(self) -> list[ModelVersion]:
        """All versions that answer requests."""
        with self._changed:
            return [each for known in self._versions.values() for each in known.values() if each.available]

    def close(self, timeout: float | None = None) -> None:
        """Unloads everything; each version runs what waits, for at most `timeout` seconds.

        A version that is loading cannot be interrupted: after `timeout` seconds its own thread unloads it later.
        """
        self._closed.set()
        if self._loading.acquire(timeout=-1 if timeout is None else timeout):
            try:
                self._unload_all(timeout)
            finally:
                self._loading.release()
            if self._thread is not None:
                self._thread.join()

    def _find(self, spec: model_pb2.ModelSpec) -> ModelVersion:
        choice = spec.WhichOneof("version_choice")
        asked, number = f"Latest({spec.name})", None
        if choice == "version_label":
            number = self.labelled(spec.name, spec.version_label)
            if number is None:
                raise invalid(f"Unrecognized servable version label: {spec.version_label}")
        elif choice == "version":
            number = spec.version.value
        if number is not None:
            asked = f"Specific({spec.name}, {number})"
        candidates = [
            each
            for version, each in self._versions.get(spec.name, {}).items()
            if each.available and number in (None, version)
        ]
        if not candidates:
            raise StatusError(Code.NOT_FOUND, f"Servable not found for request: {asked}")
        return max(candidates, key=lambda each: each.version)

    def _poll(self) -> None:
        while not self._closed.wait(self._poll_seconds):
            with self._reconciling():
                if self._closed.is_set():
                    return
                for settings in list(self._settings.values()):
                    with self._guarded(settings.name):  # one model's fault does not stop the others
                        for entry in self._missing(settings.name, settings.wanted()):
                            self._bring_up(entry)
                            if self._closed.is_set():
                                return
                            self._commit()
                with self._guarded(""):
                    self._unload_rest()

    @contextlib.contextmanager
    def _guarded(self, model: str) -> Iterator[None]:
        """Logs an error, once until it changes; the next poll may succeed."""
        try:
            yield
        except Exception as error:
            if self._failures.get(model) != repr(error):
                self._failures[model] = repr(error)
                _log.exception("looking for versions failed", extra={"event": "poll_failed", "model": model})
        else:
            self._failures.pop(model, None)

    @contextlib.contextmanager
    def _reconciling(self) -> Iterator[None]:
        """One thread at a time. At the end it unloads what was not committed, and everything after `close`."""
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

    def _missing(self, name: str, wanted: Mapping[int, pathlib.Path]) -> Iterator[ModelVersion]:
        """The wanted versions to load: new ones, and failed ones whose folder has changed."""
        for version, folder in wanted.items():
            known = self._versions.get(name, {}).get(version)
            if known is None or known.folder != folder or known.may_load():
                without_files = known is not None and known.without_files
                yield ModelVersion(name, version, folder, self._engine, without_files=without_files)

    def _bring_up(self, entry: ModelVersion) -> None:
        with self._changed:
            self._staged.append(entry)
        entry.load(self._parameters, join=self._join, observe=self._observe)

    def _check(self, settings: ModelSettings, wanted: Mapping[int, pathlib.Path]) -> None:
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

    def _commit(self, settings: dict[str, ModelSettings] | None = None) -> None:
        """Puts all staged versions into service at once, together with new settings if there are some."""
        replaced = []
        with self._changed:
            if settings is not None:
                self._settings = settings
            for entry in self._staged:
                known = self._versions.setdefault(entry.model, {})
                before = known.get(entry.version)
                if entry.loaded:
                    entry.state = ModelVersionStatus.AVAILABLE
                if _is_available(before):
                    if not entry.loaded:
                        continue  # the same version from another folder stays
                    replaced.append(before)
                known[entry.version] = entry
            self._staged = []
        for before in replaced:
            self._unload(before)

    def _unload_all(self, timeout: float | None) -> None:
        self._settings = {}
        self._unload_rest(timeout)

    def _unload_rest(self, timeout: float | None = None) -> None:
        """Unloads what is not wanted. The last version of a wanted model stays."""
        for name, known in list(self._versions.items()):
            settings = self._settings.get(name)
            wanted = settings.wanted() if settings else {}
            kept = [each for each in known.values() if each.available and each.folder == wanted.get(each.version)]
            if settings and not kept:
                continue  # nothing would take its place
            for _, each in sorted(known.items()):
                if each.available and each not in kept:
                    self._unload(each, timeout)
            with self._changed:
                ended = sorted(version for version, each in known.items() if each.state == ModelVersionStatus.END)
                for version in ended[:-_MAX_ENDED]:
                    del known[version]

    def _unload(self, entry: ModelVersion, timeout: float | None = None) -> None:
        with self._changed:
            entry.state = ModelVersionStatus.UNLOADING  # no new request gets it
            self._changed.wait_for(lambda: not entry.in_use, timeout)
        entry.unload(timeout)
        with self._changed:
            entry.state = ModelVersionStatus.END


def _is_available(entry: ModelVersion | None) -> bool:
    return entry is not None and entry.available
