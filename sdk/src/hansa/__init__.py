"""The vocabulary, proofs and client of a hansa chain."""
