"""Between the gradients and the next weights: clipping, optimizer, schedule, average."""
