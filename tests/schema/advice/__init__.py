"""Advice: facts and answers in, values with reasons out."""
