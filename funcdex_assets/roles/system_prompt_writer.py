"""Writes the system prompt under which a conversation could have taken place.

The context that arguments may come from (the present moment, the user's address and time zone) is added by the program,
whoever wrote the rest; short commands that need none go without. Where a policy is given with the tools, nobody is
asked to write: the policy is the prompt, word for word, as it is where the tools are used.
"""

import re
from dataclasses import dataclass
from random import Random

from funcdex_assets.inference.protocol import Sampling
from funcdex_assets.language.lexicon import fill_slots
from funcdex_assets.language.values import Situation
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.records.tool import Tool
from funcdex_assets.roles.role import Role

_ROLE_FORMS = (
    "You are the assistant of {name}, {position} at {company}.",
    "You support {name} ({position}, {company}) in daily work.",
    "You are a work assistant at {company}, {kind}, and help {name}, who is {position} there.",
    "{company} has you at the side of its staff; right now you work with {name}, {position}.",
    "As the digital assistant of {company} you take care of requests by {name}, its {position}.",
)
_SERVICES_FORMS = (
    "You can act in {services}. Use these services for everything they can do, and nothing else for it.",
    "You have access to {services}; look things up there rather than guess.",
    "Your tools cover {services}. Whatever a request needs from them, do it yourself and report the outcome.",
    "{services} are at your disposal. Act on clear requests at once.",
)
_WORKING_FORMS = (
    "Take every detail from the user or from what you looked up. If something required is missing, ask one short "
    "question.",
    "Never invent addresses, dates or amounts: ask when you do not know, and say plainly what you did.",
    "Ask before acting only when a required detail is missing. Keep answers short and name the facts that matter.",
    "Confirm what was done with the details that count, and leave internal identifiers out of your answers.",
    "Work step by step, one request after the other, and tell the user what came of each.",
)
_TONE_FORMS = {
    "brisk": ("Be brief.", "Short sentences, no small talk."),
    "warm": ("Be friendly and personal.", "A warm tone is welcome."),
    "formal": ("Keep a courteous, professional tone.", "Write formally."),
    "chatty": ("A relaxed tone is fine.", "Feel free to be conversational."),
}
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class SystemPromptBrief:
    """A conversation that needs a system prompt: its plan, its situation, and the tools on offer."""

    plan: ConversationPlan
    situation: Situation
    tools: tuple[Tool, ...]


def add_context(prompt: str, situation: Situation) -> str:
    """Adds the moment, the time zone and the user to a system prompt: what arguments may be taken from unsaid."""
    persona = situation.persona
    moment = situation.now.strftime("%A, %d %B %Y, %H:%M")
    return (
        f"{prompt}\n\nCurrent time: {moment} ({persona.today}), time zone {persona.time_zone}. "
        f"The user is {persona.name} <{persona.email}>."
    )


def complete_prompt(prompt: str, brief: SystemPromptBrief) -> str:
    """Completes a system prompt with the context, unless the user speaks short commands that say all there is.

    "Volume 12" means the same at any hour, and the policies of such assistants name none; where an argument is a date
    or is taken from the context, the context is there.
    """
    return add_context(prompt, brief.situation) if _needs_context(brief.plan) else prompt


def _needs_context(plan: ConversationPlan) -> bool:
    if not plan.is_spoken:
        return True
    arguments = [argument for step in plan.steps for argument in step.arguments]
    return any(
        argument.source == "context" or (isinstance(argument.value, str) and _MOMENT.search(argument.value))
        for argument in arguments
    )


def _render_variables(brief: SystemPromptBrief) -> dict[str, object]:
    """Renders the values of the prompt's variables."""
    persona = brief.situation.persona
    return {
        "user": f"{persona.name}, {persona.position} at {persona.company}. {persona.context}",
        "scenario": brief.situation.scenario.text,
        "disposition": brief.plan.disposition,
        "tools": "\n".join(f"- {tool.name}: {tool.description}" for tool in brief.tools),
    }


def _improvise_system_prompt(brief: SystemPromptBrief, rng: Random) -> str:
    """Composes a system prompt from sentences on the user, the services, the way of working and the tone."""
    persona = brief.situation.persona
    services = list(dict.fromkeys(_name_service(tool.toolkit) for tool in brief.tools))
    slots = {
        "name": persona.name,
        "position": persona.position,
        "company": persona.company,
        "kind": f"in {persona.industry}",
        "services": services[0] if len(services) == 1 else f"{', '.join(services[:-1])} and {services[-1]}",
    }
    sentence_forms = [_ROLE_FORMS, _SERVICES_FORMS, _WORKING_FORMS, _TONE_FORMS[persona.register]]
    role_sentence, services_sentence, working_sentence, tone_sentence = (
        fill_slots(rng.choice(forms), slots) for forms in sentence_forms
    )
    return f"{role_sentence} {services_sentence}\n\n{working_sentence} {tone_sentence}"


def _name_service(toolkit: str) -> str:
    """Returns the name of a service as people write it."""
    proper_names = {
        "googlecalendar": "Google Calendar",
        "googledrive": "Google Drive",
        "googledocs": "Google Docs",
        "whatsapp": "WhatsApp",
    }
    return proper_names.get(toolkit, toolkit.replace("-", " ").title())


ROLE = Role("system_prompt_writer", str, _render_variables, _improvise_system_prompt, Sampling(temperature=0.7))
