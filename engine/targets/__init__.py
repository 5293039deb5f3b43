"""What the model should answer, where an option says something else than the noise process does.

Entries of the place `target`: they replace or bend `example.target`, float32 and without gradient.
"""
