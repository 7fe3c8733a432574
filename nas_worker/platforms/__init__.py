"""Latency tables, one JSON file a platform; the file is named after the platform."""
