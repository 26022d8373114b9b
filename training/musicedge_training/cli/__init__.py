"""The commands of the training room; each module holds one and only parses, calls and prints."""
