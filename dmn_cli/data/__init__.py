"""Stories as files and as tensors: the format, the vocabulary, batches."""
