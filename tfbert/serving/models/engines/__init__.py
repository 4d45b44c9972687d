"""Engines that answer from an export's LiteRT or ONNX file, without TensorFlow."""
