"""Clients of TF Serving's API."""
