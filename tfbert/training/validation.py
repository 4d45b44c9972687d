"""Evaluation at the end of an epoch."""

import keras


class Validation(keras.callbacks.Callback):
    """Evaluates the model after each `frequency` epochs and adds the metrics to the logs as `val_…`.

    It comes first among the callbacks, so that all others find them there. Keras' own validation would see
    features only, where a task's metrics need its examples.
    """

    def __init__(self, data, frequency=1):
        super().__init__()
        self.data, self.frequency = data, frequency

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.frequency:
            return
        values = self.model.evaluate(self.data, verbose=0, return_dict=True)
        logs.update({f"val_{name}": value for name, value in values.items()})
