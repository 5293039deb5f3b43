"""What people see: the command line and the full-screen app.

Reads and writes configs through `schema` and follows runs through their folders; it never
imports the engine, torch or numpy, but starts the engine as a process.
"""

import os

# Textual reads this once, at import. Without it Esc takes 100 ms longer than it has to: 612 ms in
# a stock tmux, which adds its own 500 ms.
os.environ.setdefault("ESCDELAY", "25")
