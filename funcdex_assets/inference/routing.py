"""Different roles asked of different engines, as one engine.

Here belongs sending a request on by its role; which engine plays what is a setting, read in `assembly.py`.

>>> from funcdex_assets.inference.offline import OfflineEngine
>>> routed = RoutedEngine(OfflineEngine({}), {"judge": OfflineEngine({})})
>>> routed.name
'offline'
"""

from collections.abc import Mapping

from funcdex_assets.inference.protocol import Completion, InferenceEngine, Request


class RoutedEngine:
    """Asks `roles[request.role]`, and `default` where there is none.

    The name is the default's, and in brackets who plays a role instead; a completion's `model` says who
    gave it.
    """

    def __init__(self, default: InferenceEngine, roles: Mapping[str, InferenceEngine]) -> None:
        self._default = default
        self._roles = dict(roles)
        others = ", ".join(
            f"{role}: {engine.name}" for role, engine in sorted(roles.items()) if engine.name != default.name
        )
        self.name = f"{default.name} ({others})" if others else default.name

    async def complete(self, request: Request) -> Completion:
        return await self._roles.get(request.role, self._default).complete(request)

    async def close(self) -> None:
        for engine in {id(engine): engine for engine in (self._default, *self._roles.values())}.values():
            await engine.close()
