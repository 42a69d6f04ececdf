"""Folders of very many small files: read by worker processes, in chunks that are kept, so that a killed build goes on."""
