"""One optimizer step, on one device or several."""
