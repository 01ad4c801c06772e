"""Weights of the models that weigh text blocks; `scripts/train_blocks.py` writes them."""
