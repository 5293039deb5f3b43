"""Presets: the three axes and what is composed from them."""
