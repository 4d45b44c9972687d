"""The task `fill_mask`."""
