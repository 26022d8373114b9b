"""What is in the sound of a song, in arrays and in figures, by librosa: the `plot` extra alone."""
