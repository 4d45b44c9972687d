"""DeBERTa-v2 and -v3 (He et al. 2021): BERT's layers with disentangled attention in place of positions."""
