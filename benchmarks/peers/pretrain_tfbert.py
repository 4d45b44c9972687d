"""Pretraining steps by `fit`: packed rows of `tfbert make-examples`. Settings: examples, batch, dtype, threads."""

import protocol
import steps

WARM_UP = 1  # steps of seconds each, of one shape


def open_(settings):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(settings["threads"])
    import keras

    from tfbert.runs.configs.pretrain import PretrainConfig
    from tfbert.runs.pretrain_inputs import model_and_batches
    from tfbert.training.optimizers.adamw import AdamW

    keras.config.set_dtype_policy(settings["dtype"])
    values = {"data": settings["examples"], "size": "small", "batch_size": settings["batch"], "dev_shards": 0}
    model, train, _ = model_and_batches(PretrainConfig(**values, dtype=settings["dtype"]))
    model.compile(AdamW(1e-4))

    def begin(task):
        counted = train.repeated(WARM_UP).take(task["steps"])
        tokens = sum(int(batch["padding_mask"].numpy().sum()) for batch in counted)
        whole = WARM_UP + task["steps"]
        return lambda: {
            "seconds": steps.timed_fit(model, train, steps_per_epoch=whole, steps=task["steps"], warm_up=WARM_UP),
            "tokens": tokens,
        }

    return begin


if __name__ == "__main__":
    protocol.run(open_)
