"""Where the parts of a model live while a run goes through its phases."""
