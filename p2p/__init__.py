"""Between nodes: (kind, bytes) over TLS 1.3 with proven peers; never learns what they mean."""
