"""The machinery around an extractor: what changed, threads, batches, cache, reports."""
