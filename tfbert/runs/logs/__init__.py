"""Files that a run appends to."""
