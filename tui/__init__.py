"""What people see: the command line and the full-screen app.

Reads and writes configs through `schema` and follows runs through their folders; it never
imports the engine, torch or numpy, but starts the engine as a process.
"""
