"""Hypothesis strategies for the search space."""

from hypothesis import strategies as st

from nas_worker.space import SEARCHABLE, Architecture, allowed_types

architectures = st.tuples(*(st.sampled_from(allowed_types(layer)) for layer in SEARCHABLE)).map(Architecture)
