"""Paths and parameters that nobody should send."""

from tests.service.api.bad_requests.request import STUDIES, STUDY, BadRequest


def _query(why: str, path: str, says: str) -> BadRequest:
    """Parameters that cannot be."""
    return BadRequest(why, f"GET {path}", 422, "validation", says)


def _nowhere(why: str, path: str, says: str, method: str = "GET") -> BadRequest:
    """A path that leads nowhere."""
    return BadRequest(why, f"{method} {path}", 404, "not-found", says)


TOKENS_AND_FILTERS = [
    _query(
        "a page token that was made up",
        f"{STUDIES}?page_token=forged",
        "page_token must be the next_page_token",
    ),
    _query(
        "a page token of another list",
        f"{STUDY}/trials?page_token={{page}}",
        "page_token must be the next_page_token",
    ),
    _query(
        "a page token with another filter",
        f"{STUDIES}?state=paused&page_token={{page}}",
        "with the same filters",
    ),
    _query(
        "a page token of 2,000 characters",
        f"{STUDIES}?page_token={'A' * 2_000}",
        "page_token: must have at most 1000",
    ),
    _query("no studies on a page", f"{STUDIES}?page_size=0", "page_size: must be greater than or equal to 1"),
    _query(
        "all studies on a page",
        f"{STUDIES}?page_size=1000000",
        "page_size: must be less than or equal to 200",
    ),
    _query("offset instead of a page token", f"{STUDIES}?offset=100", "offset: is not a known field"),
    _query("an unknown state", f"{STUDIES}?state=sleeping", "state.0: must be 'pending', 'running'"),
    _query(
        "an unknown order",
        f"{STUDY}/trials?order_by=accuracy",
        "order_by: must be 'number', 'reward' or 'lambda'",
    ),
    _query(
        "a time in words",
        f"{STUDY}/trials?updated_since=yesterday",
        "updated_since: must be a date and time as in",
    ),
    _query(
        "a time without its zone",
        f"{STUDY}/trials?updated_since=2026-01-01T00:00:00",
        "updated_since: must name its time zone",
    ),
    _query("seconds since 1970", f"{STUDY}/trials?updated_since=1764000000", "must be a date and time as in"),
    _query("NUL in a search", f"{STUDIES}?q=a%00b", "q: must not contain NUL"),
    _query(
        "the best for no target",
        f"{STUDY}/best?target_runtime_ms=nan",
        "target_runtime_ms: must be a finite number",
    ),
    _query(
        "the best for an endless target", f"{STUDY}/best?target_runtime_ms=inf", "target_runtime_ms: must be"
    ),
    _query(
        "the best for a negative target",
        f"{STUDY}/best?target_runtime_ms=-1",
        "must be greater than or equal to 0.001",
    ),
    _query("a trial number in words", f"{STUDY}/trials/first", "number: must be a valid integer; got"),
    _query("a trial number below zero", f"{STUDY}/trials/-1", "number: must be greater than or equal to 0"),
    _query("a trial number beyond all", f"{STUDY}/trials/{10**30}", "number: must be less than 2147483648"),
]

NOT_THERE = [
    _nowhere("an unknown study", f"{STUDIES}/missing", "there is no study 'missing'"),
    _nowhere("SQL for an id", f"{STUDIES}/1'%20OR%20'1'='1", "there is nothing at /v1/studies/1' OR '1'='1"),
    _nowhere("HTML for an id", f"{STUDIES}/%3Cscript%3Ealert(1)%3C%2Fscript%3E", "there is nothing at"),
    _nowhere("NUL in an id", f"{STUDIES}/a%00b", "there is nothing at"),
    _nowhere("an emoji for an id", f"{STUDIES}/%F0%9F%98%80", "there is nothing at"),
    _nowhere("an id of 300 characters", f"{STUDIES}/{'x' * 300}", "there is nothing at"),
    _nowhere("a trial that is not there", f"{STUDY}/trials/99", "has no trial 99"),
    _nowhere("an unknown figure", f"{STUDY}/figures/pie", "'pie'; expected one of progress, tradeoff"),
    _nowhere("an unknown action", f"{STUDY}:explode", "there is nothing at", "POST"),
    _nowhere("an unknown version", "/v2/studies", "there is nothing at /v2/studies"),
    _nowhere(
        "an artifact elsewhere on the disk",
        f"{STUDY}/trials/0/artifacts/..%2F..%2Fetc%2Fpasswd",
        "there is nothing at",
    ),
    _nowhere("an artifact one folder up", f"{STUDY}/trials/0/artifacts/%2E%2E", "has no artifact"),
    _nowhere(
        "an artifact up a Windows folder", f"{STUDY}/trials/0/artifacts/..%5C..%5Cboot.ini", "has no artifact"
    ),
    _nowhere("a static file elsewhere on the disk", "/static/..%2F..%2Fsettings.py", "there is nothing at"),
    _nowhere(
        "a platform elsewhere on the disk", "/v1/platforms/..%2F..%2Fetc%2Fpasswd", "there is nothing at"
    ),
    _nowhere(
        "SQL for a platform", "/v1/platforms/x'%3B%20DROP%20TABLE%20studies%3B--", "there is no platform"
    ),
    BadRequest(
        "a method that is not there",
        f"PUT {STUDY}",
        405,
        "method-not-allowed",
        "possible: DELETE, GET, PATCH",
    ),
    BadRequest("TRACE", f"TRACE {STUDIES}", 405, "method-not-allowed", "possible: GET, POST"),
    BadRequest("a method of one's own", f"BREW {STUDIES}", 405, "method-not-allowed", "possible: GET, POST"),
]
