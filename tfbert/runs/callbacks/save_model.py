"""The newest model of a run."""

import keras


class SaveModel(keras.callbacks.Callback):
    """Saves the model at the end of each round, for who wants to use it while the run goes on."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_epoch_end(self, epoch, logs=None):
        self.model.save(self.path)
