"""Measures the client's cost per request: ours beside the bare `openai` client and bare aiohttp.

    python benchmarks/orchestration.py [requests] [concurrency ...]

A mock endpoint with 50 ms latency answers all; each client runs in a fresh process, so that start-up and
memory are its own. Prompts have a shared part of about 1,500 tokens and a part of their own, answers about
600 tokens. Ours keeps its journal, limits and accounts meanwhile. CPU is user and system time of the
process from the first request to the last answer; memory is the peak of the process.
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from mock_endpoint import MockEndpoint, Script, mock_endpoint

LATENCY_S = 0.05
AIMS = {"requests/s": 500, "CPU ms": 1.5, "MB": 150, "s to first": 3}
SHARED = " ".join(
    f"Rule {number}: when the user names a thread, look it up before you answer, and quote its subject as it is."
    for number in range(1, 57)
)
Ask = Callable[[int], Awaitable[str]]


def own_part(number: int) -> str:
    """Returns the part of a prompt that no other request has."""
    return " ".join(f"Item {number * 100 + line} of the list was changed by Ada on Tuesday." for line in range(20))


# ── the clients, each in its own process ──────────────────────────────────────────────────────


@asynccontextmanager
async def bare_openai(base_url: str, concurrency: int, **_: Any) -> AsyncIterator[Ask]:
    import openai

    client = openai.AsyncOpenAI(base_url=base_url, api_key="none")

    async def ask(number: int) -> str:
        completion = await client.chat.completions.create(
            model="mock",
            messages=[{"role": "system", "content": SHARED}, {"role": "user", "content": own_part(number)}],
            max_tokens=2048,
            temperature=0.8,
            seed=number,
        )
        return completion.choices[0].message.content or ""

    yield _bounded(ask, concurrency)
    await client.close()


@asynccontextmanager
async def bare_aiohttp(base_url: str, concurrency: int, **_: Any) -> AsyncIterator[Ask]:
    import aiohttp

    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency))

    async def ask(number: int) -> str:
        body = {
            "model": "mock",
            "messages": [{"role": "system", "content": SHARED}, {"role": "user", "content": own_part(number)}],
            "max_tokens": 2048,
            "temperature": 0.8,
            "seed": number,
        }
        async with session.post(f"{base_url}/chat/completions", json=body) as response:
            return (await response.json())["choices"][0]["message"]["content"]

    yield _bounded(ask, concurrency)
    await session.close()


@asynccontextmanager
async def ours(base_url: str, concurrency: int, journal: Path) -> AsyncIterator[Ask]:
    from funcdex_assets.inference.protocol import ChatMessage, Request
    from funcdex_assets.resources.assembly import assemble_engine
    from funcdex_assets.settings.inference import Inference

    inference = Inference(
        profile="vllm",
        base_url=base_url,
        model="mock",
        concurrency=concurrency,
        requests_per_minute=10**7,
        tokens_per_minute=10**11,
    )
    meter = assemble_engine(inference, journal)

    async def ask(number: int) -> str:
        prompt = (ChatMessage("system", SHARED), ChatMessage("user", own_part(number)))
        return (await meter.complete(Request("assistant", None, lambda: prompt, number))).text

    yield ask
    await meter.close()


CLIENTS: dict[str, Callable[..., AbstractAsyncContextManager[Ask]]] = {
    "openai": bare_openai,
    "aiohttp": bare_aiohttp,
    "ours": ours,
}


def _bounded(ask: Ask, concurrency: int) -> Ask:
    """Limits the requests in flight."""
    slots = asyncio.Semaphore(concurrency)

    async def bounded(number: int) -> str:
        async with slots:
            return await ask(number)

    return bounded


async def client(name: str, base_url: str, count: int, concurrency: int, journal: Path) -> dict[str, float]:
    """Asks all requests with one client, and measures time, CPU and memory of this process."""
    began = time.perf_counter()
    async with CLIENTS[name](base_url, concurrency=concurrency, journal=journal) as ask:
        started, cpu = time.perf_counter(), _cpu_s()
        texts = await asyncio.gather(*map(ask, range(count)))
        took, cpu = time.perf_counter() - started, _cpu_s() - cpu
    if not all(text.startswith("1. ") for text in texts):
        raise RuntimeError(f"Client {name!r} lost an answer on the way")
    return {
        "requests/s": count / took,
        "CPU ms": cpu / count * 1000,
        "MB": _peak_mb(),
        "s to set up": started - began,
    }


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak_mb() -> float:
    """Reads the peak memory in MB, from /proc where there is one.

    getrusage's figure includes the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


# ── side by side ──────────────────────────────────────────────────────────────────────────────


def measure(mock: MockEndpoint, name: str, count: int, concurrency: int) -> dict[str, float]:
    """Runs one client in a process of its own and returns its figures, with those of the endpoint."""
    mock.play(Script(latency_s=LATENCY_S))
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--client", name, mock.base_url, str(count), str(concurrency), folder]
        began = time.time()
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    report = mock.report()
    return json.loads(done.stdout) | {
        "s to first": report.first_at - began,
        "most in flight": report.most_in_flight,
        "endpoint CPU ms": report.cpu_s / report.asked * 1000,
    }


def main() -> None:
    if sys.argv[1:2] == ["--client"]:
        name, base_url, count, concurrency, folder = sys.argv[2:]
        journal = Path(folder) / "journal.sqlite"
        print(json.dumps(asyncio.run(client(name, base_url, int(count), int(concurrency), journal))))
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with mock_endpoint() as mock:
        for concurrency in [int(argument) for argument in sys.argv[2:]] or [64, 256]:
            rows = {name: measure(mock, name, count, concurrency) for name in CLIENTS}
            columns = list(rows["ours"])
            print(f"\n{count} requests of {LATENCY_S * 1000:.0f} ms at concurrency {concurrency}")
            print(" " * 16 + "".join(f"{column:>16}" for column in columns))
            for name, figures in rows.items():
                print(f"{name:<16}" + "".join(f"{figures[column]:>16.2f}" for column in columns))
            for client_name in ("openai", "aiohttp"):
                ratios = "".join(f"{rows['ours'][column] / rows[client_name][column]:>16.2f}" for column in columns[:3])
                print(f"{'ours / ' + client_name:<16}" + ratios)
    print("\nThe aims:  " + ", ".join(f"{name} {aim:g}" for name, aim in AIMS.items()))


if __name__ == "__main__":
    main()
