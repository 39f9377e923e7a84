"""hansa: consensus."""
