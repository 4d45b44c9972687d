"""ModernBERT (Warner et al. 2024): rotary positions, gated layers without biases, local and global attention."""
