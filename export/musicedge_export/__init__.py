"""Export: a checkpoint becomes quantised, verified, self-describing ONNX (the `export` extra)."""
