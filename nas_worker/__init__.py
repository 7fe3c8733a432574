"""The Single-Path NAS search (torch) and the Ray actor that runs it. Knows nothing of the service."""
