"""FastAPI with sentence-transformers, or with ONNX Runtime and what waits joined: PORT ENGINE PATH [VOCABULARY]."""

import asyncio
import sys

import fastapi
import pydantic
import uvicorn

MOST = 32  # texts that are computed at once


class Request(pydantic.BaseModel):
    text: str


def sentence_transformers(app, checkpoint):
    """The endpoint as its users write it: each request by itself, in a thread."""
    import sentence_transformers

    model = sentence_transformers.SentenceTransformer(checkpoint, device="cpu")

    @app.post("/embed")
    def embed(request: Request):
        return {"embedding": model.encode([request.text], show_progress_bar=False)[0].tolist()}


def onnx(app, file, vocabulary):
    """What waits while a batch is computed makes the next one."""
    import encoders
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    tokens, names = encoders.tokenizer(vocabulary), [value.name for value in session.get_inputs()]
    waiting = asyncio.Queue()

    def compute(texts):
        given = encoders.features(*tokens(texts))
        return session.run(None, {name: given[name] for name in names})[0].tolist()

    async def batches():
        while True:
            batch = [await waiting.get()]
            while len(batch) < MOST and not waiting.empty():
                batch.append(waiting.get_nowait())
            vectors = await asyncio.to_thread(compute, [text for text, _ in batch])
            for (_, future), vector in zip(batch, vectors, strict=True):
                future.set_result(vector)

    @app.post("/embed")
    async def embed(request: Request):
        if not hasattr(app.state, "batches"):
            app.state.batches = asyncio.create_task(batches())
        future = asyncio.get_running_loop().create_future()
        waiting.put_nowait((request.text, future))
        return {"embedding": await future}


def main():
    port, engine, *paths = sys.argv[1:]
    app = fastapi.FastAPI()
    {"sentence_transformers": sentence_transformers, "onnx": onnx}[engine](app, *paths)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main()
