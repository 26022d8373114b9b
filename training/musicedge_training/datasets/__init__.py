"""The datasets: where each is, what its labels mean, how it is split; one module each."""
