"""ALBERT (Lan et al. 2020): one block of BERT for all layers, behind a projected embedding."""
