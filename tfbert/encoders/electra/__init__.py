"""ELECTRA: BERT's layers behind a projected embedding; pretrained to tell replaced tokens."""
