"""Fine-tuning steps by `fit`, as a user gets them. Settings: checkpoint, train, batch, threads."""

import protocol
import steps


def open_(settings):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(settings["threads"])
    import tfbert

    table = tfbert.data.read(settings["train"])
    texts, labels = table.column("sentence"), [int(label) for label in table.column("label")]
    model = tfbert.TextClassifier.from_checkpoint(settings["checkpoint"], labels=["negative", "positive"])
    model.compile(tfbert.AdamW(5e-5))

    def begin(task):
        return lambda: {
            "seconds": steps.timed_fit(model, texts, labels, batch_size=settings["batch"], steps=task["steps"])
        }

    return begin


if __name__ == "__main__":
    protocol.run(open_)
