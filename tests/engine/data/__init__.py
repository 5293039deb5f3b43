"""Pictures, captions, buckets, caches and batches."""
