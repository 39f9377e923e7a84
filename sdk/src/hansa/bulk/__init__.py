"""Many things onto the chain, and everything of one member out of it (docs/guides/sdk.md)."""
