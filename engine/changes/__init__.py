"""What options change in the step before the loss: a file per place, small objects built once.

A change is anything that can be called with the `Example` and replaces in it what its place is
about: `change(example)`. The places and their order stand in `engine.changes.places`.
"""
