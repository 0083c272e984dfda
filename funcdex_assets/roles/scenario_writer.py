"""Writes the situation in which somebody needs the tools of a chain."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from random import Random
from typing import Annotated, Any

import msgspec

from funcdex_assets.inference.protocol import Sampling
from funcdex_assets.language import request_phrases, values
from funcdex_assets.language.lexicon import fill_slots, load_industries, load_moves
from funcdex_assets.records.scenario import Scenario
from funcdex_assets.records.tool import Tool, ToolChain
from funcdex_assets.roles.persona_writer import draw_identity
from funcdex_assets.roles.role import Role
from funcdex_assets.schema.words import split_words, to_singular


@dataclass(frozen=True)
class ScenarioBrief:
    """A tool chain that needs a situation. `tools` are those of the chain, in its order; `workflow` describes how the
    people work whose situations these are, '' if nothing is known of it.
    """

    scenario_id: str
    chain: ToolChain
    tools: tuple[Tool, ...]
    workflow: str = ""


class ScenarioDraft(msgspec.Struct):
    """`matter` is what it is about, as a short noun phrase. Less than this is no situation."""

    industry: Annotated[str, msgspec.Meta(min_length=2)]
    matter: Annotated[str, msgspec.Meta(min_length=3)]
    title: Annotated[str, msgspec.Meta(min_length=3)]
    text: Annotated[str, msgspec.Meta(min_length=20)]


def to_scenario(brief: ScenarioBrief, draft: ScenarioDraft) -> Scenario:
    """Joins a draft with the facts of the chain that it was written for."""
    return Scenario(
        scenario_id=brief.scenario_id,
        chain_id=brief.chain.chain_id,
        kind=brief.chain.kind,
        title=draft.title,
        text=draft.text,
        industry=draft.industry,
        matter=draft.matter,
        tools=tuple(tool.name for tool in brief.tools),
        held_out=brief.chain.held_out,
    )


def _render_variables(brief: ScenarioBrief) -> dict[str, object]:
    """Renders the values of the prompt's variables."""
    return {
        "tools": "\n".join(f"- {tool.name}: {tool.description}" for tool in brief.tools),
        "steps": "; then, something else: ".join(
            " → ".join(step.tool for step in steps) for _, steps in groupby(brief.chain.steps, attrgetter("goal"))
        ),
        "workflow": (
            "\n\nThe people in these situations work as follows. Tell one instance of it, with its own particulars:\n"
            + brief.workflow
            if brief.workflow
            else ""
        ),
    }


def _improvise_scenario(brief: ScenarioBrief, rng: Random) -> ScenarioDraft:
    """Composes a situation from a line of business, a person and what the tools are for."""
    entry = _draw_line_of_business(brief.workflow, rng)
    matter = rng.choice(entry["matters"])
    person = draw_identity(brief.scenario_id, entry["industry"])
    goals = list(dict.fromkeys(request_phrases.render_tool_infinitive(tool.name, rng) for tool in brief.tools))
    goals_shown = goals if len(goals) <= 3 else [goals[0], goals[len(goals) // 2], goals[-1]]
    goal_list = goals_shown[0] if len(goals_shown) == 1 else f"{', '.join(goals_shown[:-1])} and {goals_shown[-1]}"
    slots = {
        "name": person.name,
        "position": person.position,
        "kind": entry["kind"],
        "matter": matter,
        "pressure": rng.choice(entry["pressures"]),
        "counterpart": rng.choice(entry["counterparts"]),
        "goal": goal_list,
        "goal_short": goals_shown[-1],
    }
    return ScenarioDraft(
        industry=entry["industry"],
        matter=matter,
        title=fill_slots(
            rng.choice(load_moves("scenario_titles")), {**slots, "matter": values.capitalize_sentence(matter)}
        ),
        text=values.capitalize_sentence(fill_slots(rng.choice(load_moves("scenario_frames")), slots)),
    )


def _draw_line_of_business(workflow: str, rng: Random) -> Mapping[str, Any]:
    """Draws a line of business; each word that it shares with the workflow makes it 20 times likelier."""
    entries = list(load_industries().values())
    if not workflow:
        return rng.choice(entries)
    workflow_words = _extract_long_words(workflow)
    return rng.choices(
        entries,
        [
            1 + 20 * len(workflow_words & _extract_long_words(f"{entry['industry']} {entry['kind']}"))
            for entry in entries
        ],
    )[0]


def _extract_long_words(text: str) -> set[str]:
    """Returns the words of more than three letters, in the singular."""
    return {to_singular(word) for word in split_words(text) if len(word) > 3}


ROLE = Role("scenario_writer", ScenarioDraft, _render_variables, _improvise_scenario, Sampling(temperature=1.0))
