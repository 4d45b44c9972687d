"""Examples in memory -> batches."""
