"""What a config will cost: GPU memory, time and disk, each figure with where it comes from.

Pure functions on plain values: the typed job, counts that the engine made of the model on torch's
meta device, the sizes of the pictures, facts on the machine, and what earlier runs took. A figure
that nobody knows is said to be unknown; nothing is made up. `schema.estimate.report.estimate` puts
everything together; command line and app show the same object.
"""
