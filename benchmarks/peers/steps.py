"""Seconds of some of Keras' training steps: tracing, and what `fit` does before its first ones, are left out."""

import time

WARM_UP = 4  # steps of each `fit` before the clock starts


def timed_fit(model, *data, steps, warm_up=WARM_UP, **settings):
    """The time that so many steps take after the first ones."""
    import keras

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch + 1 == warm_up:
                self.began = time.perf_counter()
            if batch + 1 == warm_up + steps:
                self.seconds = time.perf_counter() - self.began
                self.model.stop_training = True

    clock = Clock()
    model.fit(*data, epochs=1, callbacks=[clock], verbose=0, **settings)
    return clock.seconds
