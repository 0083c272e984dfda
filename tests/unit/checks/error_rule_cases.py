"""Errors: what has a cause, what is tried again too early, what is treated in two ways."""

from typing import Any

from rule_cases import (
    Objection,
    Step,
    Table,
    define,
    fail,
    step,
    talk,
)

from funcdex_assets.checks.rules.case import Case

CARS = step("LIST_CARS", {}, {"cars": [{"id": "car_771", "plate": "B-X 1", "owner_id": "own_42"}]})
NOT_FOUND = {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "No such car."}
BUSY = {"error": {"code": 429, "message": "Too many requests."}, "retry_after": 20}
EXPIRED = {"errors": [{"message": "401: your session has expired."}]}
DENIED = {"ok": False, "error": "permission_denied"}
EMAIL = define("ADD_GUEST", email={"type": "string", "format": "email"})


def car(content: Any, *before: Step, name: str = "GET_CAR", **arguments: Any) -> Case:
    """A call that fails, after others."""
    given = arguments or {"car_id": "car_771"}
    return talk("Look at my car.", *before, fail(name, given, content), "That failed.", tools=(EMAIL,))


def again(content: Any, *, same: bool = True, turn: bool = True) -> Case:
    """A call that fails and is made again: in the same turn or in the next, with the same arguments or others."""
    second = step("GET_LOAN", {"no": 5 if same else 6}, {"loan": {"no": 5}})
    between: tuple[str, ...] = () if turn else ("It is busy.", "And now?")
    return talk("Which loan is no. 5?", fail("GET_LOAN", {"no": 5}, content), *between, second, "Number 5.")


def twice(first: Any, second: Any, *, retries: tuple[bool, bool] = (True, False)) -> Case:
    """Two errors in two turns, each tried again at once or told."""
    parts: list[Any] = []
    for number, (content, retry) in enumerate(zip((first, second), retries, strict=True)):
        parts += [f"Look up loan {number}.", fail("GET_LOAN", {"no": number}, content)]
        parts += [step("GET_LOAN", {"no": number}, {"loan": {"no": number}})] if retry else []
        parts += ["There it is." if retry else "That failed."]
    return talk(*parts)


TABLES = {
    "unexplained_error": Table(
        objects=[
            Objection("not found, though shown", car(NOT_FOUND, CARS), 4, "'car_771' is not found"),
            Objection("not found, as text", car({"status": "404", "message": "not found"}, CARS), 4, "car_771"),
            Objection(
                "a word that is called invalid",
                car({"error": "Invalid value for email: bo@x.io"}, name="ADD_GUEST", email="bo@x.io"),
                2,
                "'bo@x.io' has the form",
            ),
            Objection(
                "a conflict of recipes",
                car({"status": 409, "detail": "'Plum cake' already exists"}, name="CREATE_RECIPE", title="Plum cake"),
                2,
                "'Plum cake' conflicts with nothing",
            ),
            Objection(
                "a session that has expired beside one that has not",
                talk(
                    "Look at both cars.",
                    (step("GET_CAR", {"plate": "B-X 1"}, {"car": {}}), fail("GET_CAR", {"plate": "B-X 2"}, EXPIRED)),
                    "One failed.",
                ),
                3,
                "GET_CAR passes beside it",
            ),
            Objection(
                "no permission for what was just made",
                car(
                    DENIED,
                    step("CREATE_CAR", {"plate": "B-X 1"}, {"car": {"id": "car_771"}}),
                    name="UPDATE_CAR",
                    car_id="car_771",
                    plate="B-Y 1",
                ),
                4,
                "may not touch 'car_771'",
            ),
        ],
        lets_pass={
            "deleted before": car(NOT_FOUND, CARS, step("DELETE_CAR", {"car_id": "car_771"}, {})),
            "never shown": car(NOT_FOUND, CARS, car_id="car_999"),
            "about another value": car({"error": "trip_81 not found"}, CARS, car_id="car_771", trip_id="trip_81"),
            "about another noun": car({"error": "The trip does not exist."}, CARS, car_id="car_771", trip_id="trip_81"),
            "with a rule": car(
                {"error": "Invalid email bo@x.io: must be of this company."}, name="ADD_GUEST", email="bo@x.io"
            ),
            "a plan": car({"error": "bo@x.io is not valid for this plan"}, name="ADD_GUEST", email="bo@x.io"),
            "really invalid": car({"error": "Invalid value for email: bo"}, name="ADD_GUEST", email="bo"),
            "a conflict with what is there": car(
                {"error": "'Plum cake' already exists"},
                step("LIST_RECIPES", {}, {"recipes": [{"title": "Plum cake"}]}),
                name="CREATE_RECIPE",
                title="Plum cake",
            ),
            "a name that is taken": car({"error": "'bo' already exists"}, name="CREATE_ACCOUNT", login="bo"),
            "all have expired": talk(
                "Look at both cars.",
                (fail("GET_CAR", {"plate": "B-X 1"}, EXPIRED), fail("GET_CAR", {"plate": "B-X 2"}, EXPIRED)),
                "Both failed.",
            ),
            "another service has expired": talk(
                "Look at car and mail.",
                (step("GET_CAR", {}, {"car": {}}), fail("GET_MAIL", {}, EXPIRED)),
                "One failed.",
                tools=(define("GET_CAR", "garage"), define("GET_MAIL", "mail")),
            ),
            "somebody else's": car(DENIED, CARS, name="UPDATE_CAR", car_id="car_771"),
            "busy": car(BUSY, CARS),
            "German": car({"error": "Das Auto gibt es nicht."}, CARS),
        },
    ),
    "early_retry": Table(
        objects=[
            Objection("a number of seconds", again(BUSY), 2, "20 seconds", blocking=False),
            Objection("in words", again({"error": "Please try again in 45 seconds."}), 2, "45 seconds", blocking=False),
            Objection("minutes", again({"error": "Busy, retry in 2 minutes."}), 2, "120 seconds", blocking=False),
            Objection("milliseconds", again({"error": "busy", "retry_after_ms": 9000}), 2, "9 seconds", blocking=False),
            Objection(
                "a number as text", again({"error": "busy", "Retry-After": "30"}), 2, "30 seconds", blocking=False
            ),
        ],
        lets_pass={
            "no time named": again({"error": {"code": 503, "message": "Down."}}),
            "in the next turn": again(BUSY, turn=False),
            "another call": again(BUSY, same=False),
            "at once": again({"error": "busy", "retry_after": 0}),
            "how often": again({"error": "busy", "retries": 3, "retry_count": 2}),
        },
    ),
    "uneven_treatment": Table(
        objects=[
            Objection("busy", twice(BUSY, BUSY), 8, "rate limit is told here", blocking=False),
            Objection(
                "expired",
                twice(EXPIRED, EXPIRED, retries=(False, True)),
                6,
                "An expired session is tried",
                blocking=False,
            ),
            Objection("denied", twice(DENIED, DENIED), 8, "denial is told here", blocking=False),
        ],
        lets_pass={
            "both tried again": twice(BUSY, BUSY, retries=(True, True)),
            "both told": twice(BUSY, BUSY, retries=(False, False)),
            "of two kinds": twice(BUSY, DENIED),
            "a longer wait": twice({**BUSY, "retry_after": 2}, {**BUSY, "retry_after": 900}),
            "given up after one try": talk(
                "Look up loan 5.",
                fail("GET_LOAN", {"no": 5}, BUSY),
                fail("GET_LOAN", {"no": 5}, BUSY),
                "Still busy.",
            ),
            "another error": twice({"error": "down"}, {"error": "down"}),
        },
    ),
}
