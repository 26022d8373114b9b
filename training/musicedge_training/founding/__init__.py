"""The founding study again: its networks, representations and tasks, on one split of the corpus."""
