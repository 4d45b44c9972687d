"""Evaluation at the end of an epoch."""

import keras


class Validation(keras.callbacks.Callback):
    """Evaluates the model after each `frequency` epochs and adds the metrics to the logs as `val_…`.

    It comes first among the callbacks, so that all others find them there. Keras' own validation would see
    features only, where a task's metrics need its examples. `steps` are all that it takes of an endless data set.
    """

    def __init__(self, data, frequency=1, steps=None):
        super().__init__()
        self.data, self.frequency, self.steps = data, frequency, steps

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.frequency:
            return
        limit = {} if self.steps is None else {"steps": self.steps}
        values = self.model.evaluate(self.data, verbose=0, return_dict=True, **limit)
        logs.update({f"val_{name}": value for name, value in values.items()})
