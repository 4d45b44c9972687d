"""TF Serving's messages and JSON."""
