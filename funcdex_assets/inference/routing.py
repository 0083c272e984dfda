"""Different roles asked of different engines, as one engine; so are the members of a committee of judges.

Here belongs sending a request on by its role; which engine plays what is a setting, read in `assembly.py`.

>>> from funcdex_assets.inference.offline import OfflineEngine
>>> routed = RoutedEngine(OfflineEngine({}), {"judge": OfflineEngine({})})
>>> routed.name
'offline'
"""

from collections.abc import Mapping, Sequence

from funcdex_assets.inference.protocol import Completion, InferenceEngine, Request


class RoutedEngine:
    """Asks the committee's member `request.member`, else `roles[request.role]`, and `default` where there is none.

    The name is the default's, and in brackets who plays a role instead; a completion's `model` says who
    gave it. `members` are the names of the committee's engines.
    """

    def __init__(
        self,
        default: InferenceEngine,
        roles: Mapping[str, InferenceEngine],
        committee: Sequence[InferenceEngine] = (),
    ) -> None:
        self._default = default
        self._roles = dict(roles)
        self._committee = tuple(committee)
        self.members = tuple(engine.name for engine in committee)
        others = ", ".join(
            f"{role}: {engine.name}" for role, engine in sorted(roles.items()) if engine.name != default.name
        )
        self.name = f"{default.name} ({others})" if others else default.name

    async def complete(self, request: Request) -> Completion:
        if self._committee and request.member is not None:
            return await self._committee[request.member].complete(request)
        return await self._roles.get(request.role, self._default).complete(request)

    async def close(self) -> None:
        engines = (self._default, *self._roles.values(), *self._committee)
        for engine in {id(engine): engine for engine in engines}.values():
            await engine.close()


def members_of(engine: InferenceEngine, count: int) -> tuple[str, ...]:
    """The engines that a committee of so many asks, by name; an engine that routes nothing is all of them."""
    return getattr(engine, "members", ()) or (engine.name,) * count
