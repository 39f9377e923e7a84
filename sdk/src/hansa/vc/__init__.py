"""Verifiable credentials: names, proofs, status lists, the chain's part (docs/spec/vc.md)."""
