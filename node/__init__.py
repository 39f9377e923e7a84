"""Assembles, drives and serves a hansa node."""

VERSION = "0.1.0"
