"""Measures a conversation's cost under each strategy: requests, prompt and answer sizes, savings of a prefix cache.

    python benchmarks/strategies.py [CONVERSATIONS PER PARTITION]

The offline engine answers in the model's place, and every prompt is rendered as a model would get it. Sizes
are in characters (about four to a token). A prompt's beginning counts as cached where an earlier request
of the same conversation began alike.
"""

import asyncio
import sys
from collections import Counter, defaultdict
from itertools import takewhile

from pipeline import cast_of

from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.protocol import Completion, Request
from funcdex_assets.roles.improvisations import IMPROVISATIONS
from funcdex_assets.settings.generation import Generation
from funcdex_assets.settings.settings import load_settings
from funcdex_assets.strategies.strategy import converse_all, select_strategy

STRATEGIES = {
    "simulate, results by the model": Generation(tool_results="model"),
    "simulate": Generation(),
    "hybrid": Generation(strategy="hybrid"),
    "one_shot": Generation(strategy="one_shot"),
}


class Scale(OfflineEngine):
    """Offline engine that counts requests and characters, and the beginnings of prompts that a cache would have."""

    name = "vllm:scale"

    def __init__(self) -> None:
        super().__init__(IMPROVISATIONS)
        self.total: Counter[str] = Counter()
        self._prompts: defaultdict[str, list[str]] = defaultdict(list)

    async def complete(self, request: Request) -> Completion:
        completion = await super().complete(request)
        prompt = "\n".join(f"{message.role}: {message.content}" for message in request.messages)
        earlier = self._prompts[_plan_of(request.subject)]
        self.total["requests"] += 1
        self.total["prompt"] += len(prompt)
        self.total["cached"] += max((_shared(prompt, earlier_prompt) for earlier_prompt in earlier), default=0)
        self.total["answer"] += len(completion.text)
        earlier.append(prompt)
        return completion


def _plan_of(subject: object) -> str:
    """Returns the plan id of the conversation that a request belongs to."""
    participants = getattr(subject, "participants", None) or getattr(subject, "state", subject)
    return participants.plan.plan_id  # type: ignore[attr-defined]


def _shared(left: str, right: str) -> int:
    """Counts the characters with which both texts begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))


def main() -> None:
    count_per_partition = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    settings = load_settings()
    casts = [
        conversation
        for name in settings.partitions
        for conversation in asyncio.run(cast_of(settings, name, count_per_partition))
    ]
    print(f"{'':32} requests  prompt  of it cached  answer   (per conversation, sizes in characters)")
    calls = spoken = 0
    for name, generation in STRATEGIES.items():
        scale = Scale()
        conversations = asyncio.run(converse_all(casts, scale, select_strategy(generation), settings.seed))
        calls = sum(len(message.tool_calls) for conversation in conversations for message in conversation.messages)
        spoken = sum(message.role == "user" for conversation in conversations for message in conversation.messages)
        figures = {key: value / len(conversations) for key, value in scale.total.items()}
        print(
            f"{name:32} {figures['requests']:8.1f} {figures['prompt']:7,.0f} {figures['cached']:13,.0f} "
            f"{figures['answer']:7,.0f}"
        )
    print(
        f"{len(casts)} conversations, {calls / len(casts):.2f} calls and {spoken / len(casts):.2f} user messages each"
    )


if __name__ == "__main__":
    main()
