import asyncio

import msgspec
import pytest

from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.protocol import NO_USAGE, InferenceError, Request


class Greeting(msgspec.Struct):
    words: str
    luck: int


ROLES = {
    "greeter": lambda subject, random: Greeting(f"Hello, {subject}", random.randrange(1000)),
    "poet": lambda subject, random: f"O {subject}!",
    "lister": lambda subject, random: [random.random(), {"of": subject}],
}


def must_not_be_rendered():
    raise AssertionError("rendered offline")


def text(role, subject="Ada", seed=7):
    request = Request(role, subject, must_not_be_rendered, seed, constraint=must_not_be_rendered)
    return asyncio.run(OfflineEngine(ROLES).complete(request)).text


def test_a_struct_is_answered_as_json_text():
    assert msgspec.json.decode(text("greeter"), type=Greeting).words == "Hello, Ada"


def test_text_is_answered_as_it_is():
    assert text("poet") == "O Ada!"


@pytest.mark.parametrize("role", ["greeter", "lister"])
def test_the_seed_decides(role):
    assert text(role, seed=7) == text(role, seed=7)
    assert text(role, seed=7) != text(role, seed=8)


def test_the_order_of_work_does_not_matter():
    engine = OfflineEngine(ROLES)
    requests = [Request("lister", n, must_not_be_rendered, n) for n in range(50)]

    async def ask(some):
        return [completion.text for completion in await asyncio.gather(*map(engine.complete, some))]

    assert asyncio.run(ask(requests)) == list(reversed(asyncio.run(ask(requests[::-1]))))


def test_it_costs_nothing():
    completion = asyncio.run(OfflineEngine(ROLES).complete(Request("poet", "sea", must_not_be_rendered, 1)))
    assert (completion.usage, completion.latency_s, completion.finish_reason) == (NO_USAGE, 0.0, "stop")


def test_an_unknown_role_names_itself_and_the_known_ones():
    with pytest.raises(InferenceError, match=r"cannot play the role 'jugde'; it knows greeter, lister, poet;") as e:
        text("jugde")
    assert not e.value.retryable


def test_a_bug_in_an_improvisation_is_a_crash():
    engine = OfflineEngine({"broken": lambda subject, random: 1 / 0})
    with pytest.raises(ZeroDivisionError):
        asyncio.run(engine.complete(Request("broken", None, must_not_be_rendered, 1)))


def test_a_prompt_and_a_constraint_are_rendered_once():
    rendered = []
    request = Request("poet", None, lambda: rendered.append("prompt") or (), 1, constraint=lambda: rendered.append(1))
    assert [request.messages, request.messages] == [(), ()]
    assert rendered == ["prompt"]
