"""What happens between the gradients and the next weights: clipping, optimizer, schedule, average."""
