"""Simulated events written by real ROOT, in an environment of its own."""
