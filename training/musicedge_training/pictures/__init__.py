"""Pictures for print and slides, drawn by matplotlib: the `plot` extra, and no torch."""
