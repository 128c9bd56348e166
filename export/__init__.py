"""Where models come from: Flax training, checkpoints and the way to ONNX."""
