"""NomicBERT (Nussbaum et al. 2024): BERT's layers with rotary positions and gated feed-forward networks."""
