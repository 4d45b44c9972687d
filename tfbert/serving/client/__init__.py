"""Clients of TF Serving's gRPC API."""
