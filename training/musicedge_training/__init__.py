"""Training: datasets, architectures, recipes and evaluation (needs the `train` extra)."""
