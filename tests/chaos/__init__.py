"""A deployment whose parts are killed at random, and what must hold at the end: `make chaos`."""
