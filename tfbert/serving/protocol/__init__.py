"""TF Serving's messages and JSON, read and written by pure functions."""
