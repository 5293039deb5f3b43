"""From the config to the parts of a training run: one module per subject, each built once."""
