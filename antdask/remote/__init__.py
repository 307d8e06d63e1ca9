"""Bytes that lie on other machines: one client for each protocol, ranged reads, retries, and credentials from the environment alone."""
