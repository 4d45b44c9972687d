"""mosec with ONNX Runtime: `mosec_server.py --port=PORT`; BENCH_FILE and BENCH_VOCABULARY say what it serves."""

import os

import encoders
import mosec
import onnxruntime


class Embedding(mosec.Worker):
    def __init__(self):
        self.session = onnxruntime.InferenceSession(os.environ["BENCH_FILE"], providers=["CPUExecutionProvider"])
        self.names = [value.name for value in self.session.get_inputs()]
        self.tokens = encoders.tokenizer(os.environ["BENCH_VOCABULARY"])

    def forward(self, data):
        given = encoders.features(*self.tokens([request["text"] for request in data]))
        vectors = self.session.run(None, {name: given[name] for name in self.names})[0]
        return [{"embedding": vector} for vector in vectors.tolist()]


if __name__ == "__main__":
    server = mosec.Server()
    server.append_worker(Embedding, num=1, max_batch_size=32, max_wait_time=1, route="/embed")
    server.run()
