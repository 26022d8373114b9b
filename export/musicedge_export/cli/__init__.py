"""The commands of the export room."""
