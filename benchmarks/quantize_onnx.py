"""An ONNX file with int8 weights by ONNX Runtime's own tool and its defaults: IN OUT. tfbert's int8 file is another."""

import logging
import sys

from onnxruntime import quantization

if __name__ == "__main__":
    logging.disable(logging.WARNING)
    quantization.quantize_dynamic(sys.argv[1], sys.argv[2], weight_type=quantization.QuantType.QInt8)
