"""The task `classification`."""
