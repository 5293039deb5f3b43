"""What can be said in a config and what a run records about itself.

Used by both rooms, `tui` and `engine`; imports neither of them, nor torch, numpy or textual.
"""

__version__ = "0.1.0"
