"""One file for each checkpoint format."""
