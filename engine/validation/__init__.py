"""Validation: a steady loss on a few held-out pictures, beside training and without touching it."""
