"""hansa: ledger."""
