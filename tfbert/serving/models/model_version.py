"""One version of one model: its folder, its state, and from loading to unloading what answers its requests."""

import dataclasses
import gc
import logging
import pathlib

from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus

from tfbert.errors import ServingError
from tfbert.serving.models.batching import Batcher
from tfbert.serving.models.batching_parameters import read_parameters
from tfbert.serving.models.servable import Servable
from tfbert.serving.models.warm_up import warm_up

_log = logging.getLogger("tfbert.serving")


@dataclasses.dataclass(eq=False)
class ModelVersion:
    """A version folder and, once `load` has returned, its servable and the batcher before it.

    >>> version = ModelVersion("mine", 1, pathlib.Path("served/mine/1"))
    >>> version.load(BatchingParameters(), join=True, observe=None)
    """

    model: str
    version: int
    folder: pathlib.Path
    state: int = ModelVersionStatus.LOADING
    error: str = ""
    servable: Servable | None = None
    batcher: Batcher | None = None
    in_use: int = 0
    _seen: object = dataclasses.field(default=None, init=False)  # the folder as it was when it could not be loaded

    @property
    def loaded(self):
        """Whether it could answer; it does so when it is AVAILABLE."""
        return self.batcher is not None

    @property
    def answers(self):
        return self.state == ModelVersionStatus.AVAILABLE

    def may_load(self):
        """Whether loading may go otherwise than the last time, because the folder has changed."""
        return not self.loaded and self._seen != _look(self.folder)

    def load(self, parameters, *, join, observe):
        """Loads and warms up; where it cannot, `error` says why."""
        self._seen = _look(self.folder)
        try:
            count = self._bring_up(parameters, join, observe)
        except Exception as error:  # a folder that somebody else wrote may hold anything
            known = isinstance(error, ServingError)
            self.error = str(error) if known else f"{self.folder}: cannot be loaded ({type(error).__name__}: {error})"
            self.state = ModelVersionStatus.END
            _log.error("%s", self.error, exc_info=not known, extra=self._event("load_failed"))
        else:
            _log.info("version loaded, %d warm-up requests", count, extra=self._event("loaded"))

    def _bring_up(self, parameters, join, observe):
        parameters = read_parameters(self.folder, parameters)
        servable = Servable(self.folder)
        batcher = Batcher(servable, parameters, join=join, observe=observe)
        try:
            count = warm_up(servable, batcher.submit)
        except BaseException:
            batcher.close()
            raise
        self.servable, self.batcher = servable, batcher
        return count

    def unload(self, timeout=None):
        """Ends what `load` brought up; what waits is computed first, for `timeout` seconds."""
        self.batcher.close(timeout)
        self.servable = self.batcher = self._seen = None
        gc.collect()  # a loaded SavedModel has reference cycles: its weights would stay for long
        _log.info("version unloaded", extra=self._event("unloaded"))

    def _event(self, event):
        return {"event": event, "model": self.model, "version": self.version}


def _look(folder):
    """What changes when somebody goes on copying a folder, or changes who may read it."""
    try:
        return sorted((str(path), *_facts(path.stat())) for path in folder.rglob("*"))
    except OSError:
        return None


def _facts(found):
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns
