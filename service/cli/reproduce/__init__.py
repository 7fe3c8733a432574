"""The paper's experiments, at any scale."""
