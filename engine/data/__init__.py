"""Training data: finding pictures and captions, bucketing, cropping, caching, batching."""
