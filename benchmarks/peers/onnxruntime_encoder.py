"""ONNX Runtime on a file that takes ids, with Hugging Face's `tokenizers`.

Settings: file, vocabulary, threads, callers.
"""

import encoders
import protocol


def open_(settings):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings["threads"]
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(settings["file"], options, providers=["CPUExecutionProvider"])
    tokens, names = encoders.tokenizer(settings["vocabulary"]), [value.name for value in session.get_inputs()]

    def of_ids(ids, mask=None):
        given = encoders.features(ids, mask)
        return session.run(None, {name: given[name] for name in names})[0]

    return encoders.begin(lambda texts: of_ids(*tokens(texts)), of_ids, settings.get("callers", 1))


if __name__ == "__main__":
    protocol.run(open_)
