"""Runs: their folder, their record, their processes and the commands that steer them."""
