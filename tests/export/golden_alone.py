"""Compares exported LiteRT and ONNX files with golden.json where neither TensorFlow nor the package is there.

Run as a program, `golden_alone.py FOLDER` prints a line for each file and signature that it compared. Strings of LiteRT
need tensorflow-text's kernels, whose Python package imports TensorFlow and Keras: `--strings` lets them in.
"""

import json
import pathlib
import sys

import numpy as np

BLOCKED = ["tfbert", "onnx"]


def same(case, precision, tolerance, name, got):
    """Whether an answer is the golden one: rows that are decided equal, numbers near."""
    wanted = case["answers"][name]
    if name in case["allowed"][precision]:
        rows = np.all([np.ones(len(wanted), bool), *case["decided"][precision].values()], axis=0)
        wanted, allowed = [np.array(row) for row in wanted], case["allowed"][precision][name]
        differences = [
            # -1e9 says that there is nothing; float16 has it as -65504
            np.where((wanted[i] < -1e8) & (got[i] <= -65504), 0, np.abs(got[i] - wanted[i])).max(initial=0)
            for i in np.flatnonzero(rows)
        ]
        return max(differences, default=0) <= allowed
    rows = np.flatnonzero(case["decided"][precision][name])
    return all(texts(got[i]) == wanted[i] for i in rows)


def texts(values):
    if isinstance(values, np.ndarray):
        return [texts(value) for value in values]
    if isinstance(values, bytes):
        return values.decode("utf-8", "replace")
    return values.item() if isinstance(values, np.generic) else values


def near(case, outputs, tolerance):
    """Whether the network's numbers, by name, are near the golden ones, as a share of each output's largest."""
    golden, of_tokens = case["outputs"], case["of_tokens"]
    if not isinstance(golden, dict):  # of one output
        golden, of_tokens = dict.fromkeys(outputs, golden), dict.fromkeys(outputs, of_tokens)
    assert outputs.keys() == golden.keys()
    for name in golden:
        wanted, mask = np.array(golden[name], np.float32), np.array(case["features"]["padding_mask"]) > 0
        there = np.abs(wanted) < 1e8
        if of_tokens[name]:
            there &= mask.reshape(mask.shape + (1,) * (wanted.ndim - 2))
        if not np.abs(outputs[name] - wanted)[there].max() <= tolerance * np.abs(wanted[there]).max():
            return False
    return True


def features(case):
    return {name: np.array(values, np.int32) for name, values in case["features"].items()}


def strings(values):
    """Nested lists of texts as an array of bytes."""
    array = np.array(values)
    return array.astype(np.int32) if array.dtype.kind == "i" else np.char.encode(array, "utf-8").astype(object)


def main(folder, with_strings):
    for name in [*BLOCKED, *([] if with_strings else ["tensorflow", "tensorflow_text", "keras"])]:
        sys.modules[name] = None
    golden = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    for path in [] if with_strings else sorted(folder.glob("onnx/*.onnx")):
        import onnxruntime

        precision = "int8" if "int8" in path.name else "float32"
        session = onnxruntime.InferenceSession(str(path))
        for name, case in golden["cases"].items():
            names = [value.name for value in session.get_outputs()]
            outputs = dict(zip(names, session.run(names, features(case)), strict=True))
            assert near(case, outputs, golden["tolerances"][precision]), (path.name, name)
            print(path.name, name)
    for path in sorted(folder.glob("lite/*.tflite")):
        from ai_edge_litert import interpreter as lite

        precision = {"model.tflite": "float32", "model_int8.tflite": "int8"}.get(path.name, "float16")
        if with_strings:
            import tensorflow_text

            kernels = tensorflow_text.tflite_registrar.SELECT_TFTEXT_OPS
            interpreter = lite.InterpreterWithCustomOps(model_path=str(path), custom_op_registerers=kernels)
        else:
            interpreter = lite.Interpreter(model_path=str(path))
        signatures = interpreter.get_signature_list()
        for name, case in golden["cases"].items():
            if not with_strings:
                outputs = interpreter.get_signature_runner("ids")(**features(case))
                assert near(case, outputs, golden["tolerances"][precision]), (path.name, name)
                print(path.name, name)
            elif name in signatures:
                inputs = {column: strings(values) for column, values in case["inputs"].items()}
                answers = interpreter.get_signature_runner(name)(**inputs)
                assert answers.keys() == case["answers"].keys()
                for answer in answers:
                    assert same(case, precision, golden["tolerances"], answer, answers[answer]), (
                        path.name,
                        name,
                        answer,
                    )
                print(path.name, name, "strings")
    assert sys.modules["tfbert"] is None


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), "--strings" in sys.argv)
