"""A run's folder: where its files lie, who holds it, what it records and what it can be told.

Worker, supervisor, app and command line meet only here: everything that passes between them is a
file in the run's folder in a form that one of these modules defines. Nothing here imports torch,
numpy or the other rooms, and nothing needs a server, a port, file notifications or memory maps, so
that a run can be followed over a network mount by any number of watchers.
"""
