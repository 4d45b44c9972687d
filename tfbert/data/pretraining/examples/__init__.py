"""Raw text -> pretraining examples in TFRecord shards, by an Apache Beam pipeline.

Read in this order: settings (what is asked), plan (files -> items of work), reading (an item's documents), tokens
(texts -> ids and words), sequences (sentences -> pairs or full rows), rows (sequences -> examples), work (an item ->
its shards), pipeline (all items, by Beam), local_workers (Beam's worker processes on this machine).
"""
