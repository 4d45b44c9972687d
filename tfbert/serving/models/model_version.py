"""One version of one model: its folder, its state and, while it is loaded, what runs its requests."""

from __future__ import annotations

import dataclasses
import errno
import logging
import os
import pathlib
from collections.abc import Callable
from typing import Any

from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus

from tfbert.errors import ServingError
from tfbert.serving.models import unused_memory
from tfbert.serving.models.batching import Batcher
from tfbert.serving.models.batching_parameters import BatchingParameters, read_parameters
from tfbert.serving.models.engine import Engine, EngineChoice
from tfbert.serving.models.folder_entries import check_files, snapshot
from tfbert.serving.models.warm_up import warm_up

_log = logging.getLogger("tfbert.serving")
_NO_MORE_FILES = (errno.EMFILE, errno.ENFILE)


@dataclasses.dataclass(eq=False)
class ModelVersion:
    """A version folder and, after `load`, its servable and the batcher that runs its requests.

    >>> version = ModelVersion("mine", 1, pathlib.Path("no such folder"))
    >>> version.load(BatchingParameters(), join=True, observe=None)
    >>> version.error
    'no such folder: has no saved_model.pb; export the model again'
    """

    model: str
    version: int
    folder: pathlib.Path
    engine: EngineChoice = EngineChoice()
    state: int = ModelVersionStatus.LOADING
    error: str = ""
    servable: Engine | None = None
    batcher: Batcher | None = None
    in_use: int = 0  # requests that hold it
    without_files: bool = False  # loading failed, or failed the last time, as the process could open no more files
    _tried: object = dataclasses.field(default=None, init=False)  # snapshot of the folder that was loaded

    @property
    def loaded(self) -> bool:
        """Whether it can answer requests; it gets them once it is available."""
        return self.batcher is not None

    @property
    def available(self) -> bool:
        """Whether it answers requests."""
        return self.state == ModelVersionStatus.AVAILABLE

    def may_load(self) -> bool:
        """Whether it is worth trying again: loading failed, and the folder has changed since."""
        return not self.loaded and self._tried != snapshot(self.folder)

    def load(
        self,
        parameters: BatchingParameters,
        *,
        join: bool,
        observe: Callable[[int, int, float], None] | None,
    ) -> None:
        """Loads and warms up. If that fails, `error` says why and `state` is END.

        For the arguments see `Batcher`; `parameters` are those of a folder without its own.
        """
        self._tried = snapshot(self.folder)
        try:
            count = self._bring_up(parameters, join, observe)
        except Exception as error:  # the folder is somebody else's: it may hold anything
            self.state, told = ModelVersionStatus.END, self.without_files
            self.without_files = _is_for_want_of_files(error)
            if self.without_files:
                self._tried = None
                self.error = (
                    f"{self.folder}: cannot be loaded now, as this process may open no more files; raise `ulimit -n`"
                )
                if not told:
                    _log.error("%s; it is tried again", self.error, extra=self._event("load_failed"))
                return
            known = isinstance(error, ServingError)
            self.error = str(error) if known else f"{self.folder}: cannot be loaded ({type(error).__name__}: {error})"
            _log.error("%s", self.error, exc_info=not known, extra=self._event("load_failed"))
        else:
            self.without_files = False
            _log.info("version loaded, %d warm-up requests", count, extra=self._event("loaded"))

    def _bring_up(
        self, parameters: BatchingParameters, join: bool, observe: Callable[[int, int, float], None] | None
    ) -> int:
        check_files(self.folder)
        parameters = read_parameters(self.folder, parameters)
        servable = self.engine.open(self.folder, parameters.num_batch_threads)
        batcher = Batcher(servable, parameters, join=join, observe=observe)
        try:
            # Other engines have answered the golden examples.
            count = warm_up(servable, batcher.submit) if self.engine.needs_tensorflow else 0
        except BaseException:
            batcher.close()
            raise
        self.servable, self.batcher = servable, batcher
        unused_memory.give_back()
        return count

    def unload(self, timeout: float | None = None) -> None:
        """Runs what waits, for at most `timeout` seconds, and frees the memory."""
        self.batcher.close(timeout)
        self.servable = self.batcher = self._tried = None
        unused_memory.give_back()
        _log.info("version unloaded", extra=self._event("unloaded"))

    def _event(self, event: str) -> dict[str, Any]:
        return {"event": event, "model": self.model, "version": self.version}


def _is_for_want_of_files(error: BaseException | None) -> bool:
    """Whether the process or the machine may open no more files; TensorFlow's error has the reason as text only."""
    while error is not None:
        if getattr(error, "errno", None) in _NO_MORE_FILES or any(
            os.strerror(each) in str(error) for each in _NO_MORE_FILES
        ):
            return True
        error = error.__cause__
    return False
