"""What happens: the supervisor, the worker and the training itself.

Obeys a config that `schema` has read and records into a run folder; never imports the screen.
"""
