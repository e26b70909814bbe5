"""The archive: documents that callbacks link to, fetched at once and kept, because links lapse."""
