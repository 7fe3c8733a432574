"""Requests that nobody should send, as data."""

from tests.service.api.bad_requests.bodies import BODIES, NOT_A_SPEC, NOT_JSON
from tests.service.api.bad_requests.paths import NOT_THERE, TOKENS_AND_FILTERS
from tests.service.api.bad_requests.states import ACCESS, NOT_NOW, REPLAYS

GROUPS = {
    "Bodies that are not JSON": NOT_JSON,
    "Studies that cannot be": NOT_A_SPEC,
    "Bodies of another kind": BODIES,
    "Repeated and outdated requests": REPLAYS,
    "Page tokens, filters and numbers": TOKENS_AND_FILTERS,
    "Paths that lead nowhere": NOT_THERE,
    "What is not possible now": NOT_NOW,
    "Who may do it": ACCESS,
}
