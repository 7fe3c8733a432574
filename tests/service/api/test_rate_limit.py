from hypothesis import example, given
from hypothesis import strategies as st

from service.api.rate_limit import RateLimiter


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_worth_at_once_and_then_at_the_rate() -> None:
    clock = Clock()
    limiter = RateLimiter(60, clock)
    assert [limiter.take("a") for _ in range(60)] == [0] * 60
    assert limiter.take("a") == 1
    assert limiter.take("b") == 0
    clock.now += 1
    assert limiter.take("a") == 0
    assert limiter.take("a") == 1
    clock.now += 3600
    assert [limiter.take("a") for _ in range(61)] == [0] * 60 + [1]


@example(per_minute=1, gaps=[0.0, 1.8662362056133568, 0.0])  # the sum of the refills is .9999…
@given(
    per_minute=st.integers(1, 600),
    gaps=st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=200),
)
def test_never_more_than_the_burst_and_the_rate_allow(per_minute: int, gaps: list[float]) -> None:
    clock = Clock()
    limiter = RateLimiter(per_minute, clock)
    allowed = 0
    for gap in gaps:
        clock.now += gap
        wait_seconds = limiter.take("a")
        allowed += wait_seconds == 0
        assert allowed <= per_minute + clock.now * per_minute / 60 + 1e-6
        if wait_seconds:
            clock.now += wait_seconds
            assert limiter.take("a") == 0
            allowed += 1
