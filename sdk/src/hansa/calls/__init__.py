"""Typed calls of the contracts: a module a contract, a function a method.

Made from the contracts by scripts/reference.
"""
