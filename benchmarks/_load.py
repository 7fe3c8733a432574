"""Puts load on a service with Locust: ``python -m benchmarks._load`` with a :class:`Plan` as JSON on stdin.

A process of its own, because Locust replaces Python's sockets and threads by gevent's when it is imported.
"""

import sys
import time
from typing import Any

import gevent
from locust import constant
from locust.contrib.fasthttp import FastHttpUser
from locust.env import Environment

from benchmarks._load_plan import Call, Measured, Plan, Results

_WARM_UP_SECONDS = 0.5


def measured(plan: Plan, call: Call, users: int) -> Measured:
    """Has so many users repeat a call, each as soon as it has the answer to the last one."""
    milliseconds: list[float] = []
    wrong: list[str] = []

    def send(user: Any) -> None:
        with user.client.request(
            call.method, call.path, headers=call.headers, json=call.body, catch_response=True
        ) as response:
            if response.status_code == call.status:
                response.success()
            else:
                response.failure(f"{call.name}: {response.status_code}, not {call.status}")

    def note(response_time: float, exception: Exception | None, **_: object) -> None:
        milliseconds.append(response_time)
        if exception is not None:
            wrong.append(str(exception))

    environment: Any = Environment(  # its events are untyped
        user_classes=[type("Caller", (FastHttpUser,), {"tasks": [send], "wait_time": constant(0)})],
        host=plan.url,
    )
    runner = environment.create_local_runner()
    runner.start(users, spawn_rate=users)
    gevent.sleep(_WARM_UP_SECONDS)
    environment.events.request.add_listener(note)
    begin = time.perf_counter()
    gevent.sleep(plan.seconds)
    seconds = time.perf_counter() - begin
    environment.events.request.remove_listener(note)
    runner.quit()
    runner.greenlet.join()
    if wrong:
        sys.exit(f"{len(wrong)} of {len(milliseconds)} answers were wrong, such as {wrong[0]}")
    if not milliseconds:
        sys.exit(f"{call.name}: no answer within {plan.seconds:g} s")
    return Measured(call=call.name, users=users, milliseconds=milliseconds, seconds=seconds)


def main() -> None:
    """Carries out the plan and prints :class:`Results` as JSON."""
    plan = Plan.model_validate_json(sys.stdin.read())
    found = [measured(plan, call, users) for call in plan.calls for users in plan.users]
    print(Results(measured=found).model_dump_json())


if __name__ == "__main__":
    main()
