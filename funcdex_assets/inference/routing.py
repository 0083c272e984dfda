"""Routes each request to the engine of its role, or of its member of a committee of judges, as one engine.

Only routing belongs here; which engine plays which role is a setting, read in `resources/assembly.py`.

>>> from funcdex_assets.inference.offline import OfflineEngine
>>> routed = RoutedEngine(OfflineEngine({}), {"judge": OfflineEngine({})})
>>> routed.name
'offline'
"""

from collections.abc import Mapping, Sequence

from funcdex_assets.inference.protocol import Completion, InferenceEngine, Request


class RoutedEngine:
    """Asks the committee's member `request.member`, else `roles[request.role]`, else `default`.

    The name is the default engine's, followed in brackets by the roles that other engines play. `members` are the
    names of the committee's engines.
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
        role_engines = ", ".join(
            f"{role}: {engine.name}" for role, engine in sorted(roles.items()) if engine.name != default.name
        )
        self.name = f"{default.name} ({role_engines})" if role_engines else default.name

    def find_role_engine(self, role: str) -> InferenceEngine:
        """Finds the engine that plays a role."""
        return self._roles.get(role, self._default)

    async def complete(self, request: Request) -> Completion:
        if self._committee and request.member is not None:
            return await self._committee[request.member].complete(request)
        return await self.find_role_engine(request.role).complete(request)

    async def close(self) -> None:
        engines = (self._default, *self._roles.values(), *self._committee)
        for engine in {id(engine): engine for engine in engines}.values():
            await engine.close()


def list_engine_names(engine: InferenceEngine, role: str) -> tuple[str, ...]:
    """Lists the names of the engines that play a role behind all that routes: one, or those of a committee."""
    if role == "judge" and (members := getattr(engine, "members", ())):
        return tuple(dict.fromkeys(members))
    find_role_engine = getattr(engine, "find_role_engine", None)
    found = find_role_engine(role) if find_role_engine else engine
    return (engine.name,) if found is engine else list_engine_names(found, role)


def list_committee_members(engine: InferenceEngine, count: int) -> tuple[str, ...]:
    """Returns the names of the engines of a committee; an engine without a committee is all `count` members."""
    return getattr(engine, "members", ()) or (engine.name,) * count
