"""What the node keeps on disk: store, write-ahead log, files, lock. It knows only bytes."""
