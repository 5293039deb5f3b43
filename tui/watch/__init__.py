"""Following runs and the machine: threads that read, and plain values for the screen."""
