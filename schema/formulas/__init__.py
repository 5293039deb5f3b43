"""What both rooms compute, in pure Python: the engine calls it, the app draws it."""
