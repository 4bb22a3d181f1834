"""Fetching from strangers' servers: politely, and without being led astray."""
