"""MPNet (Song et al. 2020): BERT's layers without segments, with a bias of the scores by distance."""
