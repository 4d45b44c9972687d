"""Models and versions that are loaded, and the batches in which their requests run."""
