"""Guidance while training: guided predictions, guided targets, and the prompts they need."""
