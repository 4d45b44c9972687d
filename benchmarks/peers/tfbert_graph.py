"""tfbert's SavedModel, called as TF Serving calls it: strings in, vectors out. Settings: export, threads, callers."""

import pathlib

import encoders
import protocol


def open_(settings):
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    from tfbert.export.saved_model.file_names import WARM_UP
    from tfbert.text.operations import register_operations

    register_operations()
    tf.config.threading.set_intra_op_parallelism_threads(settings["threads"])
    loaded = tf.saved_model.load(settings["export"])
    of_strings, of_ids = (loaded.signatures[name] for name in ("serving_default", "encode_ids"))

    # Servers begin with these requests, and the first decides in which order weights are packed.
    for record in tf.data.TFRecordDataset(str(pathlib.Path(settings["export"]) / WARM_UP)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        given = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
        loaded.signatures[request.model_spec.signature_name](**given)

    def encode_ids(ids, _=loaded):  # which must outlive its signatures
        given = {name: tf.constant(values) for name, values in encoders.features(ids).items()}
        return of_ids(**given)["sequence_output"].numpy()

    return encoders.begin(
        lambda texts: of_strings(text=tf.constant(texts))["embedding"].numpy(), encode_ids, settings.get("callers", 1)
    )


if __name__ == "__main__":
    protocol.run(open_)
