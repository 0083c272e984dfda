"""Plans conversations of short commands: what is said in which turn, and the calls that follow.

    opening      a tool that answers a greeting, where there is one
    request      a call with none, some or all of what it can take
    completion   the value that was left out: the call again, with the old and the new
    again        "… too": the call again with one value changed
    correction   "no wait eighteen": the call again, as it was meant
    pronoun      another tool on the thing of the call before: "and cancel it"
    trigger      what a tool is there for ("User asks for a person"), done by the user
    fallback     vague or off the topic: the tool for that where there is one, else declined in text
    incomplete   a request without what is required, of the kind `single_turn`: it ends with the question
    closing      thanks and a goodbye, to the tools for them where there are some

Belongs here: which moves are made, with which values. How they are worded belongs to `language/command_phrases`; each
turn of the plan has its `words`, so that every value is known in the words in which it is said. Any tool can be asked
for whose required arguments people can say; what is read of it is in `language/tool_reading`.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from msgspec.structs import replace

from funcdex_assets.language.command_phrases import (
    COUNT_NOUNS,
    Said,
    Style,
    Utterance,
    find_rivals,
    join_utterances,
    phrase_addition,
    phrase_again,
    phrase_command,
    phrase_correction,
    phrase_other,
    phrase_self_repair,
    phrase_trigger,
)
from funcdex_assets.language.command_values import SpokenValue, draw_value, list_synonyms, normalise_option
from funcdex_assets.language.lexicon import load_lexicon_file
from funcdex_assets.language.speech_profile import DEFAULT_SPOKEN_PROFILE, SpeechProfile
from funcdex_assets.language.tool_reading import ArgumentReading, ToolReading, read_tool
from funcdex_assets.language.values import Situation
from funcdex_assets.planning.arguments import UnplannableCallError
from funcdex_assets.records.feedback import EVEN_WEIGHTS, AspectWeights, name_argument_form
from funcdex_assets.records.kinds import KINDS, SERVICE_KINDS
from funcdex_assets.records.labels import Kind
from funcdex_assets.records.plan import PlannedArgument, PlannedStep, PlannedTurn
from funcdex_assets.records.tool import Tool, ToolEdge
from funcdex_assets.schema.json_pointers import escape_step

Values = dict[str, SpokenValue]
"""The values of a call by argument, each with the words in which it was last said."""

SUBSET_WEIGHTS = {"none": 0.2, "all": 0.42, "some": 0.38}
"""How many of the arguments that are free to be left out a request states at once."""
MOVE_SHARES = {
    "completion": 0.45,  # of calls that leave something out, those that it is added to in the next turn
    "again": 0.35,  # of calls with a value that could be another, those that are made again with another
    "correction": 0.15,
    "self_repair": 0.05,  # of requests
    "pronoun": 0.6,  # of calls that can take up the thing of the call before
    "joined": 0.07,  # of requests, those that ask for two things at once
    "fallback": 0.16,  # of conversations, where something off the topic or vague is said
    "change_of_mind": 0.02,
}
SOCIAL_SHARES = {"greet": 0.2, "thank": 0.25, "bye": 0.2}
"""The shares of conversations that have these, where a tool answers them."""
FORM_CANDIDATES = 6  # sets of arguments of which one is taken by its weight; a form that is never drawn is never taken
OUTCOME_SHARES = {"call": 0.86, "question": 0.08, "decline": 0.06}
"""What single requests lead to, where the tools permit; where they do not, to a call."""
VAGUE_OBJECTS = frozenset(("something", "someone", "it"))
MIN_REQUESTS = 2  # in a conversation; more turns come of what is left out, corrected and wanted again
_OPENINGS, _CLOSINGS = ("greet",), ("thank", "bye")


@dataclass
class CommandPlan:
    """The steps and the turns of a plan while it grows."""

    steps: list[PlannedStep] = field(default_factory=list)
    turns: list[PlannedTurn] = field(default_factory=list)

    def add_turn(self, turn: PlannedTurn, steps: Sequence[PlannedStep] = ()) -> None:
        """Adds a turn with the calls made in it."""
        number = len(self.turns)
        self.turns.append(turn)
        self.steps += [replace(step, turn=number) for step in steps]


def select_plain_tools(tools: Sequence[Tool], edges: Sequence[ToolEdge]) -> frozenset[str]:
    """Returns the names of the tools that are called and done: they declare no result, no result of theirs feeds a
    call, nor any other's them, and people can ask for them in plain words.
    """
    linked = {name for edge in edges for name in (edge.source_tool, edge.target_tool)}
    return frozenset(tool.name for tool in tools if tool.name not in linked and is_spoken_tool(tool))


def select_spoken_tools(tools: Sequence[Tool]) -> frozenset[str]:
    """Returns the names of the tools that a single request in plain words is enough for, and that are called and done:
    they declare no result, and people can say all that they require. Where nothing follows, what is linked with them
    does not matter.
    """
    return frozenset(tool.name for tool in tools if is_spoken_tool(tool))


def is_spoken_tool(tool: Tool) -> bool:
    """True for a tool that declares no result and that people can ask for in plain words."""
    return tool.returns is None and can_be_commanded(tool)


def list_kinds_to_draw(tools: Sequence[Tool], plain_tools: Collection[str], are_kinds_chosen: bool) -> frozenset[Kind]:
    """Returns the kinds of conversations that suit the tools: commands for plain ones, the others for the rest. Where
    the settings choose the kinds, any of them.
    """
    if are_kinds_chosen or (plain_tools and len(plain_tools) < len(tools)):
        return frozenset(KINDS) if plain_tools else frozenset(KINDS) - {"command"}
    return frozenset({"command"} if plain_tools else SERVICE_KINDS)


def can_be_commanded(tool: Tool) -> bool:
    """True for a tool that people can ask for in plain words: they can say all that it requires."""
    return not read_tool(tool).needs_unsayable


def plan_commands(
    wanted: Sequence[str],
    tools: Mapping[str, Tool],
    situation: Situation,
    rng: Random,
    noise_share: float = 0.15,
    speech: SpeechProfile = DEFAULT_SPOKEN_PROFILE,
    form_weights: AspectWeights = EVEN_WEIGHTS,
) -> CommandPlan:
    """Plans a conversation in which the `wanted` tools are called, each at least once.

    `tools` are all of the partition: those that answer greetings, thanks or what nobody can do are called as well.

    Raises:
        UnplannableCallError: a wanted tool requires what no person says.
    """
    return _CommandPlanner(tools, situation, rng, noise_share, speech, form_weights).plan_conversation(wanted)


def plan_request(
    wanted: Sequence[str],
    tools: Mapping[str, Tool],
    situation: Situation,
    rng: Random,
    noise_share: float = 0.15,
    speech: SpeechProfile = DEFAULT_SPOKEN_PROFILE,
    form_weights: AspectWeights = EVEN_WEIGHTS,
) -> CommandPlan:
    """Plans a conversation of one request: for the `wanted` tool, or for two at once, with all that they require; a
    share of the requests leaves something out, or is one that no tool is for.

    Raises:
        UnplannableCallError: a wanted tool requires what no person says.
    """
    return _CommandPlanner(tools, situation, rng, noise_share, speech, form_weights).plan_request(wanted)


def draw_style(situation: Situation, rng: Random, noise_share: float, speech: SpeechProfile) -> Style:
    """Draws how the person of a conversation says things, so that over many people the shares are those of `speech`."""
    formal = {"formal": 1.6, "warm": 1.3, "brisk": 0.4}.get(situation.persona.register, 1.0)
    low, middle, high = speech.words_low, speech.words_median, speech.words_high
    quantiles = [low, low, (low + middle) / 2, middle, middle, middle, (middle + high) / 2, (middle + high) / 2, high]
    return Style(
        words=[max(1, round(length)) for length in quantiles] + [round(high * 1.6)] * (rng.random() < 0.5),
        lower=rng.random() < speech.lower_case_share,
        punctuated=rng.random() < speech.end_punctuation_share,
        polite=min(0.9, speech.politeness_share * formal),
        filler=speech.filler_share * 1.2,
        noise=noise_share,
        channel=rng.choice(("spoken", "spoken", "typed")),
    )


def _gather_said(reading: ToolReading, values: Mapping[str, SpokenValue]) -> list[Said]:
    """Gathers the arguments that have a value, in the order of the document."""
    return [Said(argument, values[argument.name]) for argument in reading.arguments if argument.name in values]


def _list_ends(reading: ToolReading, argument: ArgumentReading, call: Mapping[str, SpokenValue]) -> list[Any]:
    """Lists the values of a call that are an end of the same thing as this argument: from one account to another."""
    return [
        call[other.name].value
        for other in reading.arguments
        if other.name in call and {other.manner, argument.manner} <= {"from", "to"}
    ]


def draw_single_turn_outcome(rng: Random) -> str:
    """Draws what one request leads to: a call, a question or a decline."""
    return rng.choices(list(OUTCOME_SHARES), list(OUTCOME_SHARES.values()))[0]


def _list_option_words(reading: ToolReading) -> list[str]:
    """Lists what people say for the options of a tool's arguments."""
    options = [str(option) for argument in reading.arguments for option in argument.options]
    return [*options, *(word for option in options for word in list_synonyms(normalise_option(option)))]


_WORD = re.compile(r"[a-z]{4,}")
_COMMON_WORDS = frozenset(
    "what when where which with from that this your have does some into onto them they than then there here about user "
    "used tool call wants want their will each also only like such more most least very much many".split()
)


class _CommandPlanner:
    """Plans one conversation; knows how each tool is spoken of, and what was called last."""

    def __init__(
        self,
        tools: Mapping[str, Tool],
        situation: Situation,
        rng: Random,
        noise_share: float,
        speech: SpeechProfile,
        form_weights: AspectWeights,
    ) -> None:
        self.readings = {name: read_tool(tool) for name, tool in tools.items()}
        self.triggers = {reading.trigger: name for name, reading in self.readings.items() if reading.trigger}
        self.rivals = {
            name: find_rivals(reading, self.readings.values())
            for name, reading in self.readings.items()
            if not reading.trigger
        }
        self.situation, self.rng, self.speech, self.form_weights = situation, rng, speech, form_weights
        self.style = draw_style(situation, rng, noise_share, speech)
        named = {
            text
            for name, reading in self.readings.items()
            for text in (name.replace("_", " "), *reading.objects, *_list_option_words(reading))
        }
        described = {word for tool in tools.values() for word in _WORD.findall(tool.description.lower())}
        self.known_words = {word for text in named for word in _WORD.findall(text.lower())} | described - _COMMON_WORDS
        self.plan = CommandPlan()
        self.last: tuple[str, Values] | None = None

    def plan_conversation(self, wanted: Sequence[str]) -> CommandPlan:
        rng = self.rng
        fallback = self.triggers.get("unclear")
        openings = [name for name in wanted if self.readings[name].trigger in _OPENINGS]
        closings = [name for name in wanted if self.readings[name].trigger in _CLOSINGS]
        asides = [name for name in wanted if name not in openings and name not in closings]
        if not openings and "greet" in self.triggers and rng.random() < SOCIAL_SHARES["greet"]:
            openings = [self.triggers["greet"]]
        if fallback and fallback not in asides and rng.random() < MOVE_SHARES["fallback"] / 2:
            asides.insert(rng.randint(0, len(asides)), fallback)
        rng.shuffle(asides)
        for name in openings:
            self._add_trigger(name)
        while len([*openings, *asides, *closings]) < MIN_REQUESTS:
            asides.append(rng.choice(self._list_requestable() or list(wanted)))
        for name in self._draw_pairs(asides):
            if isinstance(name, tuple):
                self._add_joined(*name)
            elif self.readings[name].trigger:
                self._add_trigger(name)
            else:
                self._add_goal(name)
        if not fallback and rng.random() < MOVE_SHARES["fallback"]:
            topic = rng.choice(("off_topic", "off_topic", "unclear"))
            self.plan.add_turn(PlannedTurn(kind="off_topic", words=self._phrase_off_topic(topic)))
        for trigger in _CLOSINGS:
            name = self.triggers.get(trigger, "")
            if name in closings or (name and rng.random() < SOCIAL_SHARES[trigger]):
                self._add_trigger(name)
            elif not name and not fallback and trigger == "thank" and rng.random() < self.speech.farewell_share:
                self.plan.add_turn(PlannedTurn(kind="thanks", words=phrase_trigger("thank", rng, self.style)))
        while len(self.plan.turns) < MIN_REQUESTS and (requestable := self._list_requestable()):
            self._add_goal(rng.choice(requestable))
        if not self.plan.steps:
            raise UnplannableCallError(f"none of {', '.join(wanted)} could be asked for")
        return self.plan

    def plan_request(self, wanted: Sequence[str]) -> CommandPlan:
        triggers = [name for name in wanted if self.readings[name].trigger]
        outcome = draw_single_turn_outcome(self.rng)
        if triggers:
            self._add_trigger(triggers[0], is_alone=True)
        elif len(wanted) > 1:
            self._add_joined(wanted[0], wanted[1])
        elif outcome == "decline" and "unclear" not in self.triggers:
            topic = self.rng.choice(("off_topic", "off_topic", "unclear"))
            self.plan.add_turn(PlannedTurn(kind="off_topic", words=self._phrase_off_topic(topic)))
        else:
            self._add_request(wanted[0], is_complete=outcome != "question")
        return self.plan

    def _add_request(self, name: str, is_complete: bool) -> None:
        """Adds the one request of a conversation. If it is not complete, it leaves out some of what is required, where
        anything is, and nothing is called.
        """
        reading, rng = self.readings[name], self.rng
        values = self._draw_values(reading, {})
        required = [argument for argument in reading.arguments if argument.required]
        missing = [argument for argument in required if argument.name not in values]
        values |= self._draw_missing(reading, missing, values)
        withheld: set[str] = set()
        if required and not is_complete:
            withheld = {argument.name for argument in rng.sample(required, rng.randint(1, len(required)))}
        said = _gather_said(reading, {key: spoken for key, spoken in values.items() if key not in withheld})
        utterance = phrase_command(reading, self._draw_self_repair(said), rng, self.style, rivals=self.rivals[name])
        self._record(utterance, values)
        step = self._build_step(reading, values, set(), withheld)
        if withheld:
            self.plan.add_turn(PlannedTurn(kind="incomplete", wanted=step, words=utterance.text))
        else:
            self.plan.add_turn(PlannedTurn(kind="request", words=utterance.text), [step])

    def _list_requestable(self) -> list[str]:
        """Lists the tools that people ask for: no triggers, and nothing that they could not say."""
        return [name for name, reading in self.readings.items() if not reading.trigger and not reading.needs_unsayable]

    def _draw_pairs(self, names: Sequence[str]) -> list[str | tuple[str, str]]:
        """Joins some neighbours that are asked for in one breath."""
        drawn: list[str | tuple[str, str]] = []
        for name in names:
            before = drawn[-1] if drawn else None
            if (
                isinstance(before, str)
                and before != name
                and not self.readings[name].trigger
                and not self.readings[before].trigger
                and self.rng.random() < MOVE_SHARES["joined"]
            ):
                drawn[-1] = (before, name)
            else:
                drawn.append(name)
        return drawn

    # ── goals ────────────────────────────────────────────────────────────────────────────────

    def _add_goal(self, name: str) -> None:
        """Adds a request for a tool, and what follows from it: what was left out, once more, or what was meant."""
        reading, rng = self.readings[name], self.rng
        carried = self._draw_carried(reading)
        values = self._draw_values(reading, carried)
        missing = [
            argument
            for argument in reading.arguments
            if argument.required and argument.name not in {**values, **carried}
        ]
        said = _gather_said(reading, values)
        said = self._draw_self_repair(said)
        pronoun = str(rng.choice(load_lexicon_file("command_turns")["pronouns"])) if carried else ""
        is_same_thing = bool(self.last) and bool(
            set(reading.objects) & set(self.readings[self.last[0]].objects if self.last else ())
        )
        is_thing_itself = any(
            argument.noun == reading.objects[0].split()[-1] or (argument.manner == "digits" and is_same_thing)
            for argument in reading.arguments
            if argument.name in carried
        )
        about = "" if is_thing_itself or not pronoun else f"{rng.choice(('for', 'for', 'on'))} {pronoun}"
        utterance = phrase_command(
            reading,
            said,
            rng,
            self.style,
            "" if about else pronoun,
            self._draw_lead(bool(pronoun)),
            about,
            self.rivals[name],
        )
        self._record(utterance, values)
        call = {**carried, **values}
        if missing:  # the assistant asks, and the user answers
            call |= self._draw_missing(reading, missing, call)
        asked = {argument.name for argument in missing}
        self._add_call(reading, call, PlannedTurn(kind="request", words=utterance.text), set(carried), asked)
        call = self._add_completions(reading, call)
        if call and rng.random() < MOVE_SHARES["correction"]:
            call = self._add_correction(reading, call)
        if call and rng.random() < MOVE_SHARES["again"]:
            self._add_again(reading, call)

    def _draw_lead(self, has_pronoun: bool) -> str:
        """Draws what links a request to the one before, or gives that one up."""
        rng, turns = self.rng, load_lexicon_file("command_turns")
        if all(self.readings[step.tool].trigger for step in self.plan.steps):
            return ""
        if not has_pronoun and rng.random() < MOVE_SHARES["change_of_mind"]:
            return str(rng.choice(turns["changes_of_mind"]))
        return str(rng.choice(turns["follow_leads"])) if has_pronoun or rng.random() < 0.25 else ""

    def _draw_carried(self, reading: ToolReading) -> Values:
        """Draws the value of the call before that this one takes up by a pronoun: the same card, the same room."""
        if self.last is None or self.last[0] == reading.tool or not reading.objects:
            return {}
        earlier = {argument.name: argument for argument in self.readings[self.last[0]].arguments}
        shared = {
            argument.name: self.last[1][argument.name]
            for argument in reading.arguments
            if argument.manner in ("kind", "digits", "place", "thing")
            and argument.name in self.last[1]
            and earlier[argument.name].options == argument.options
        }
        return shared if shared and self.rng.random() < MOVE_SHARES["pronoun"] else {}

    def _draw_values(self, reading: ToolReading, carried: Mapping[str, SpokenValue]) -> Values:
        """Draws the values of a request. If argument forms have weights, a few sets of arguments are drawn, of which
        one is taken by the weight of its form.
        """
        free = [argument for argument in reading.arguments if argument.name not in carried]
        chosen = self._draw_arguments(reading, free)
        if not self.form_weights.is_even:
            candidates = [chosen, *(self._draw_arguments(reading, free) for _ in range(FORM_CANDIDATES - 1))]
            given = {*carried, *(argument.name for argument in reading.arguments if argument.required)}
            forms = [
                name_argument_form(reading.tool, given | {argument.name for argument in arguments})
                for arguments in candidates
            ]
            chosen = self.rng.choices(candidates, list(map(self.form_weights.weigh, forms)))[0]
        return self._draw_each(reading, [argument for argument in free if argument in chosen], carried)

    def _draw_arguments(self, reading: ToolReading, free: Sequence[ArgumentReading]) -> list[ArgumentReading]:
        """Draws the arguments that a request states: none, all or some of what may be left out, and mostly what is
        required.
        """
        rng = self.rng
        optional = [argument for argument in free if not argument.required]
        weights = dict(SUBSET_WEIGHTS)
        weights["none"] = min(0.6, self.speech.empty_call_share * 0.8)
        extent = rng.choices(list(weights), list(weights.values()))[0]
        some = rng.randint(1, max(1, len(optional) - 1))
        count = {"none": 0, "all": len(optional)}.get(extent, some)
        chosen = rng.sample(optional, min(count, len(optional), 4))
        chosen += [argument for argument in free if argument.required and rng.random() < 0.8]
        is_shared = not reading.trigger and reading.objects[0] in self.rivals[reading.tool].objects
        act_share = 1.0 if is_shared else 0.5  # of two tools for one lamp, on and off says which is meant
        chosen += [argument for argument in optional if argument.manner == "act" and rng.random() < act_share]
        things = [argument for argument in free if argument.manner == "thing"]
        if things and reading.objects[0] in VAGUE_OBJECTS:
            chosen += things[:1]
        if things and not any(argument in chosen for argument in things):  # how many of what?
            chosen = [argument for argument in chosen if argument.manner != "count"]
        numbers = [argument for argument in free if argument.manner in ("level", "step", "amount")]
        if numbers and not any(argument in chosen for argument in numbers):  # a unit needs its number
            chosen = [argument for argument in chosen if argument.manner != "unit"]
        return chosen

    def _draw_missing(
        self, reading: ToolReading, missing: Sequence[ArgumentReading], call: Mapping[str, SpokenValue]
    ) -> Values:
        """Draws what the user tells when asked.

        Raises:
            UnplannableCallError: there is no value that somebody would say.
        """
        drawn = self._draw_each(reading, missing, call)
        for argument in missing:
            if argument.name not in drawn:
                raise UnplannableCallError(f"{reading.tool}/{argument.name}: no value that somebody would say")
        return drawn

    def _draw_each(
        self, reading: ToolReading, arguments: Sequence[ArgumentReading], call: Mapping[str, SpokenValue]
    ) -> Values:
        """Draws a value for each argument; two ends of one thing, such as two accounts, are not the same."""
        values: Values = {}
        for argument in arguments:
            taken = _list_ends(reading, argument, {**call, **values})
            spoken = draw_value(argument, self.situation, self.rng, taken)
            if spoken is not None:
                values[argument.name] = spoken
        return values

    def _draw_self_repair(self, said: list[Said]) -> list[Said]:
        """Draws a slip of the tongue that is mended in the same breath: "fifty no sixty"."""
        rng = self.rng
        options = [
            index
            for index, item in enumerate(said)
            if item.argument.manner in ("amount", "level", "when", "kind", "place") and not item.spoken.is_clause
        ]
        if not options or rng.random() >= MOVE_SHARES["self_repair"]:
            return said
        index = rng.choice(options)
        item = said[index]
        slip = draw_value(item.argument, self.situation, rng, [item.spoken.value])
        if slip is None or slip.is_clause:
            return said
        words = phrase_self_repair(item.spoken.words, slip.words, rng)
        repaired = Said(item.argument, SpokenValue(item.spoken.value, words))
        return [*said[:index], repaired, *said[index + 1 :]]

    def _add_completions(self, reading: ToolReading, call: Values) -> Values:
        """Adds the values that were left out, in a turn of their own; returns the whole call."""
        rng = self.rng
        for _ in range(2):
            left = [
                argument for argument in reading.arguments if argument.name not in call and argument.manner != "unit"
            ]
            share = MOVE_SHARES["completion"] * (1.2 if not call else 0.8 if len(left) > 1 else 0.55)
            if not left or rng.random() >= share:
                break
            added = self._draw_each(reading, rng.sample(left, rng.choice((1, 1, 1, min(2, len(left))))), call)
            if not added:
                break
            said = _gather_said(reading, added)
            utterance = phrase_addition(said, rng, self.style)
            self._record(utterance, added)
            self._add_call(reading, {**call, **added}, PlannedTurn(kind="completion", words=utterance.text), set(call))
            call = {**call, **added}
        return call

    def _add_correction(self, reading: ToolReading, call: Values) -> Values:
        """Adds a turn that corrects one value of the last call; returns the call as it was meant."""
        argument, other = self._draw_other_value(reading, call)
        if argument is None or other is None:
            return call
        utterance = phrase_correction(Said(argument, other), call[argument.name].words, self.rng, self.style)
        changed = {argument.name: other}
        self._record(utterance, changed)
        kept = set(call) - {argument.name}
        turn = PlannedTurn(kind="correction", step=len(self.plan.steps) - 1, words=utterance.text)
        self._add_call(reading, {**call, **changed}, turn, kept)
        return {**call, **changed}

    def _add_again(self, reading: ToolReading, call: Values) -> None:
        """Adds a turn that has the last call made again with another value."""
        used = [spoken.value for spoken in call.values()]
        differ = (
            "kind",
            "place",
            "thing",
            *(("digits",) if any(item.last_digits for item in reading.arguments) else ()),
        )
        for _ in range(self.rng.choice((1, 1, 2))):
            argument, other = self._draw_other_value(reading, call, used, differ)
            if argument is None or other is None:
                return
            said = [Said(argument, other)]
            is_other_of_two = len(argument.options) == 2 and argument.manner in ("kind", "place")
            utterance = (
                phrase_other(said, self.rng, self.style)
                if is_other_of_two and self.rng.random() < 0.35
                else phrase_again(reading, said, self.rng, self.style)
            )
            used.append(other.value)
            changed = {argument.name: other}
            self._record(utterance, changed)
            # Another thing has another number, and so many of one are not so many of another; people stay as many.
            own = {
                item.name
                for item in reading.arguments
                if (item.manner == "digits" or (item.manner == "count" and item.noun in COUNT_NOUNS))
                and not item.required
                and item.name != argument.name
            }
            kept = {name: spoken for name, spoken in call.items() if name not in {argument.name, *own}}
            call = {**kept, **changed}
            self._add_call(reading, call, PlannedTurn(kind="again", words=utterance.text), set(kept))

    def _draw_other_value(
        self, reading: ToolReading, call: Values, used: Sequence[Any] = (), differ: Sequence[str] = ()
    ) -> tuple[ArgumentReading | None, SpokenValue | None]:
        """Draws an argument of a call and another value for it, which is none of the call's other ends."""
        options = [
            argument
            for argument in reading.arguments
            if argument.name in call
            and not argument.is_list
            and argument.manner not in ("flag", "act", "text", "unit", "reason")
            and (not differ or argument.manner in differ)
        ]
        if not options:
            return None, None
        argument = self.rng.choice(options)
        ends = _list_ends(reading, argument, call)
        return argument, draw_value(argument, self.situation, self.rng, [call[argument.name].value, *ends, *used])

    def _add_joined(self, first: str, second: str) -> None:
        """Adds a turn that asks for two things at once."""
        utterances: list[Utterance] = []
        calls: list[tuple[ToolReading, Values]] = []
        for name in (first, second):
            reading = self.readings[name]
            values = self._draw_values(reading, {})
            missing = [argument for argument in reading.arguments if argument.required and argument.name not in values]
            values |= self._draw_missing(reading, missing, values)
            said = _gather_said(reading, values)
            utterance = phrase_command(
                reading, said, self.rng, self.style, lead=" " if utterances else "", rivals=self.rivals[name]
            )
            utterance.text = utterance.text.strip()
            self._record(utterance, values)
            utterances.append(utterance)
            calls.append((reading, values))
        joined = join_utterances(utterances[0], utterances[1], self.rng)
        for utterance, (_, values) in zip(utterances, calls, strict=True):
            for name, words in utterance.evidence.items():
                if words.lower() not in joined.text.lower():
                    values[name] = SpokenValue(values[name].value, joined.text.rstrip(".?!"))
        steps = [
            self._build_step(reading, values, set(), set(), together=index > 0)
            for index, (reading, values) in enumerate(calls)
        ]
        self.plan.add_turn(PlannedTurn(kind="request", words=joined.text), steps)
        self.last = (calls[-1][0].tool, calls[-1][1])

    # ── what is no request ───────────────────────────────────────────────────────────────────

    def _add_trigger(self, name: str, is_alone: bool = False) -> None:
        """Adds a turn in which the user does what a tool is there for; `is_alone`: nothing is added to it later."""
        reading, rng = self.readings[name], self.rng
        if reading.trigger == "unclear":
            topic = rng.choice(("off_topic", "unclear", "unclear"))
            words = self._phrase_off_topic(topic)
            values = self._draw_reason(reading, topic, words)
            self._add_call(reading, values, PlannedTurn(kind="trigger", words=words), set())
            return
        values = self._draw_values(reading, {})
        for argument in reading.arguments:
            if argument.required and argument.name not in values:
                values |= self._draw_missing(reading, [argument], values)
        said = _gather_said(reading, values)[:1]
        values = {item.argument.name: item.spoken for item in said}
        if not said:
            words = phrase_trigger(reading.trigger, rng, self.style)
        else:
            utterance = phrase_command(reading, said, rng, self.style)
            self._record(utterance, values)
            words = utterance.text
        self._add_call(reading, values, PlannedTurn(kind="trigger", words=words), set())
        if reading.arguments and not values and not is_alone:
            self._add_completions(reading, values)

    def _phrase_off_topic(self, topic: str) -> str:
        """Words something that none of the tools does: nothing that shares a word with their names."""
        known = self.known_words
        words = phrase_trigger(topic, self.rng, self.style)
        for _ in range(12):
            if not any(word.rstrip("s") in words.lower() for word in known):
                break
            words = phrase_trigger(topic, self.rng, self.style)
        return words

    def _draw_reason(self, reading: ToolReading, topic: str, words: str) -> Values:
        """Returns the fallback tool's reason for what was said, if it has an enum with one that fits."""
        fitting = load_lexicon_file("command_turns")["reasons"][topic]
        for argument in reading.arguments:
            keys = {normalise_option(option): option for option in argument.options}
            key = next((key for key in fitting if key in keys), None)
            if key is not None:
                return {argument.name: SpokenValue(keys[key], words.rstrip(".?!"))}
        return {}

    # ── calls ────────────────────────────────────────────────────────────────────────────────

    def _record(self, utterance: Utterance, values: Values) -> None:
        """Keeps the words in which each value stands in the text, which may be misheard or mistyped."""
        for name, words in utterance.evidence.items():
            if name in values:
                values[name] = SpokenValue(values[name].value, words)

    def _add_call(
        self,
        reading: ToolReading,
        values: Values,
        turn: PlannedTurn,
        carried: set[str],
        withheld: set[str] = frozenset(),  # type: ignore[assignment]
    ) -> None:
        self.plan.add_turn(turn, [self._build_step(reading, values, carried, withheld)])
        self.last = (reading.tool, dict(values))

    def _build_step(
        self,
        reading: ToolReading,
        values: Mapping[str, SpokenValue],
        carried: set[str],
        withheld: set[str],
        together: bool = False,
    ) -> PlannedStep:
        arguments = tuple(
            PlannedArgument(
                argument=f"/{escape_step(argument.name)}{'/0' if argument.is_list else ''}",
                source="user",
                value=values[argument.name].value,
                surface=values[argument.name].words,
                withheld=argument.name in withheld,
                carried=argument.name in carried,
            )
            for argument in reading.arguments
            if argument.name in values
        )
        return PlannedStep(tool=reading.tool, turn=0, arguments=arguments, together=together)
