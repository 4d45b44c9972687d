"""RoBERTa, XLM-RoBERTa and CamemBERT: BERT's layers without segments, with positions counted from the padding id."""
