"""Latency profiles of one's own device: measured here, or taken in from a file."""
