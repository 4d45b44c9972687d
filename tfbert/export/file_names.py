"""Files of an export that its readers look for."""

GOLDEN = "golden.json"
TASK = "task/task.tflite"  # the task without its network
SIGNATURES = "task/signatures.pb"  # a MetaGraphDef with the SavedModel's signatures alone
NETWORKS = {  # engine -> precision -> the network's file
    "litert": {
        "int8": "lite/model_int8.tflite",
        "float32": "lite/model.tflite",
        "float16": "lite/model_float16.tflite",
    },
    "onnx": {"int8": "onnx/model_int8.onnx", "float32": "onnx/model.onnx"},
}
