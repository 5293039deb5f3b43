"""Training data: finding pictures and captions, bucketing, cropping, caching and drawing batches."""
