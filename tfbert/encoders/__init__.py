"""Ids -> vectors: the families of encoders, and the layers that they are made of."""
