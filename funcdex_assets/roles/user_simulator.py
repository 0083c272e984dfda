"""Plays the user: asks for things, answers the assistant's questions, makes failures good, and takes leave.

Belongs here: what the user says in each kind of turn. The forms of words are in `language/`, the facts in the plan.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal, NamedTuple

import msgspec

from funcdex_assets.dialogue import item_choices
from funcdex_assets.dialogue.dialogue_state import DialogueState, begins_another_goal, is_from_an_earlier_goal
from funcdex_assets.language import request_phrases, result_reports
from funcdex_assets.language.lexicon import fill_slots, load_moves, load_turn_moves, select_unused_templates
from funcdex_assets.language.spoken_values import find_first_form
from funcdex_assets.language.timeliness import is_refusal, keep_timely
from funcdex_assets.language.values import capitalize_sentence, fill_from_situation
from funcdex_assets.records.labels import TurnKind
from funcdex_assets.records.openai_messages import to_openai_tools
from funcdex_assets.records.plan import PlannedArgument, PlannedStep
from funcdex_assets.records.seeds import build_generator
from funcdex_assets.records.tool import Tool
from funcdex_assets.roles.role import Role
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_meaning import decide_field_meaning
from funcdex_assets.semantics.tool_names import parse_tool_name

Purpose = TurnKind | Literal["answer"]

_SLOT = re.compile(r"\{\w+\}")
_ANNOUNCES_MORE = re.compile(
    r"\b(?:first|begin|start|several|one by one|one after|step by step|kick off|before anything|piece of work)\b",
    re.IGNORECASE,
)
SHORT_SHARE = 0.6  # of conversations of one request, those that begin with it; people who ask for one thing ask briefly
TITLE_SHARE = 0.6  # of references to one of several things that were shown, those that say its title
_MAX_REWORDINGS = 4  # of a request in words that were used before


@dataclass(frozen=True)
class UserCue:
    """An occasion for the user to speak: the dialogue state, and the kind of turn or "answer" to a question."""

    state: DialogueState
    purpose: Purpose


def _render_variables(cue: UserCue) -> dict[str, object]:
    """Renders the values of the prompt's variables."""
    state, persona = cue.state, cue.state.situation.persona
    steps = [state.current_turn.wanted] if state.current_turn.wanted else state.list_pending_steps()
    facts = [
        f"- {request_phrases.render_argument_name(argument.argument)}: {argument.surface}"
        for step in _select_requested_steps(steps)
        for argument in step.arguments
        if argument.source == "user" and not argument.carried and (cue.purpose == "answer" or not argument.withheld)
    ]
    return {
        "name": persona.name,
        "context": persona.context,
        "register": persona.register,
        "disposition": state.plan.disposition,
        "scenario": state.situation.scenario.text,
        "transcript": state.render_transcript(),
        "task": _describe_task(cue, steps),
        "facts": "\n".join(facts) or "- (none)",
    }


def _describe_task(cue: UserCue, steps: Sequence[PlannedStep]) -> str:
    """Returns the instruction for a model: what the user does in this turn."""
    state = cue.state
    wishes = "; then ".join(
        state.tools[step.tool].description
        + (
            " (of what the beginning of the conversation was about: say so)"
            if _find_distant_arguments(state, step)
            else ""
        )
        for step in _select_requested_steps(steps)
    )
    if state.current_turn.words and cue.purpose != "answer":
        return (
            f"Say this in words of your own, as briefly: {state.current_turn.words!r}. Keep what it says of each fact "
            "below, and leave out what it leaves out."
        )
    match cue.purpose:
        case "answer":
            return "Answer the assistant's last question."
        case "thanks" if state.plan.steps:
            return "Everything is done. Close the conversation in one sentence."
        case "remedy":
            return (
                f"The last attempt failed. Make it good with the facts below, or say that it works now. Then: {wishes}"
            )
        case "dropped":
            return "The last attempt failed. Say that you leave it at that."
        case "thanks":  # no tool on offer could do it
            return "What you asked for cannot be done here. Say that you leave it at that."
        case "correction":
            return f"You said something else than you meant. Correct yourself with the facts below: {wishes}"
        case "recall":
            about = state.plan.steps[state.current_turn.step].tool if state.current_turn.step is not None else ""
            which = f"the result of {about}" if about else "an earlier result"
            return f"Ask again for one detail that {which} told, which the assistant can answer from memory."
        case "small_talk":
            return "Say or ask something in passing that has to do with work and that needs no tool."
        case "incomplete":
            return f"Ask for this, and leave out all that is not among the facts below: {wishes}"
        case "unlocked":
            return (
                "Say that the missing function has just been switched on and that its definition follows; have it done."
            )
    if begins_another_goal(state.plan, state.turn_index):
        return f"Turn to something else, in so many words, and ask for this: {wishes}"
    return f"Ask for the next thing: {wishes}"


# ── improvising ───────────────────────────────────────────────────────────────────────────────


def _improvise_message(cue: UserCue, rng: Random) -> str:
    """Composes what the user says in this turn."""
    state = cue.state
    register = state.situation.persona.register
    if state.current_turn.words and cue.purpose != "answer":
        return state.current_turn.words
    match cue.purpose:
        case "thanks" if state.plan.steps:
            key = "thanks_plain" if _was_refused(state) else "thanks"
            return fill_from_situation(_choose_timely(state, load_moves(key, register), rng), state.situation, rng)
        case "answer":
            return _answer_question(state, rng)
        case "remedy" | "correction":
            return _compose_remedy(state, cue.purpose, rng)
        case "dropped" | "thanks":  # nothing came of it
            return rng.choice(load_turn_moves("dropped", register))
        case "recall":
            if memory := find_recalled_detail(state):
                return _ask_for_detail(state, memory, rng)
            return fill_from_situation(choose_small_talk(state)["user"][register], state.situation, rng)
        case "small_talk":
            return fill_from_situation(choose_small_talk(state)["user"][register], state.situation, rng)
        case "unlocked":
            return "\n".join(rng.choice(load_turn_moves(kind, register)) for kind in ("unlocked", "unlocked_go"))
    is_first_turn = state.turn_index == 0
    steps = [state.current_turn.wanted] if state.current_turn.wanted else state.list_pending_steps()
    begins_goal = begins_another_goal(state.plan, state.turn_index)
    request = _compose_request(state, steps, is_first_turn or begins_goal, rng)
    for _ in range(_MAX_REWORDINGS):
        if request not in state.user_text:
            break
        request = _compose_request(state, steps, is_first_turn or begins_goal, rng)
    if begins_goal:
        leads = select_unused_templates(load_turn_moves("another_goal", register), state.user_text)
        return f"{rng.choice(leads)} {capitalize_sentence(request)}"
    if not is_first_turn or (state.plan.kind == "single_turn" and rng.random() < SHORT_SHARE):
        return request
    openings = [fill_from_situation(_choose_timely(state, load_moves("openers", register), rng), state.situation, rng)]
    if rng.random() < (0.75 if openings[0] and state.situation.matter not in openings[0] else 0.4):
        context = _choose_timely(state, load_moves("contexts", register), rng)
        openings.append(fill_from_situation(context, state.situation, rng))
    withheld = [argument.surface for step in steps for argument in step.arguments if argument.withheld]
    if state.plan.kind == "single_turn":
        openings = [text for text in openings if not _ANNOUNCES_MORE.search(text)]
    openings = [text for text in openings if text and not any(find_first_form(text, [surface]) for surface in withheld)]
    return " ".join(capitalize_sentence(text) for text in (*openings, request))


def _choose_timely(state: DialogueState, texts: Sequence[str], rng: Random) -> str:
    """Chooses one of the texts that suit the conversation's clock."""
    return rng.choice(keep_timely(texts, state.situation.now))


def _was_refused(state: DialogueState) -> bool:
    """Says whether the assistant said last that something could not be done or found, or the user gave it up."""
    last_reply = next((message.content for message in reversed(state.messages) if message.role == "assistant"), None)
    turn_before = state.plan.turns[state.turn_index - 1] if state.turn_index else None
    is_given_up = turn_before is not None and turn_before.kind in ("unsuitable", "dropped")
    return is_given_up or is_refusal(last_reply or "")


def _answer_question(state: DialogueState, rng: Random) -> str:
    """Composes the answer to the assistant's question: every fact of the pending steps that is not said yet."""
    lead = _choose_timely(state, load_moves("answers", state.situation.persona.register), rng)
    facts = state.list_unsaid_facts()
    if not facts and (open_choice := item_choices.find_open_choice(state)):
        choice = open_choice[1]
        return request_phrases.phrase_answer_which(choice.title, choice.index, len(choice.items), rng)
    if not facts:  # the question was needless
        return "You have everything I know; please go ahead with it."
    if state.plan.is_spoken:
        return ", ".join(fact.surface for fact in facts)
    if len(facts) == 1:
        return f"{lead} {_match_case(lead, request_phrases.quote_free_text(facts[0]))}".strip() + _choose_full_stop(
            facts[0].surface
        )
    stated_facts = []
    for fact in facts:
        words = request_phrases.render_argument_name(fact.argument)
        stated_facts.append(
            fill_slots(
                rng.choice(("the {w} is {x}", "{x} for the {w}", "{x} as the {w}")),
                {"w": words, "x": request_phrases.quote_free_text(fact)},
            )
        )
    listed = f"{', '.join(stated_facts[:-1])}{',' if len(stated_facts) > 2 else ''} and {stated_facts[-1]}"
    return f"{lead} {_match_case(lead, listed)}.".strip()


def add_pending_definitions(text: str, state: DialogueState) -> str:
    """Adds the definitions of the pending tools to what the user says, as people paste them."""
    return insert_definitions(
        text, [state.tools[name] for name in dict.fromkeys(step.tool for step in state.list_pending_steps())]
    )


def insert_definitions(text: str, tools: Sequence[Tool]) -> str:
    """Inserts the definitions of the tools, one a line, after the first line of the text."""
    first_line, _, further_lines = text.strip().partition("\n")
    definitions = [msgspec.json.encode(definition).decode() for definition in to_openai_tools(tools)]
    return "\n".join(line for line in (first_line, *definitions, further_lines) if line)


def find_recalled_detail(state: DialogueState) -> result_reports.RecallableDetail | None:
    """Returns the detail of an earlier result that the current turn asks for, the same each time; None if no result has
    one worth asking for.
    """
    steps_made = list(zip(state.plan.steps, state.results, strict=False))
    preferred = (
        steps_made[state.current_turn.step : state.current_turn.step + 1] if state.current_turn.step is not None else []
    )
    for step, result in [*preferred, *steps_made]:
        if not step.fault:
            noun = parse_tool_name(step.tool).noun
            returns = state.tools[step.tool].returns
            if details := result_reports.find_recallable_details(result, noun, state.situation.now, returns):
                return build_generator("recall", state.plan.plan_id, state.turn_index).choice(details)
    return None


def _ask_for_detail(state: DialogueState, memory: result_reports.RecallableDetail, rng: Random) -> str:
    """Asks for a detail that an earlier result told, in words that were not used before."""
    register, lead = state.situation.persona.register, ""
    steps_made, is_sole_memory = len(state.results), memory.is_only_item
    if steps_made and is_from_an_earlier_goal(
        state.plan, state.current_turn.step, state.plan.steps[steps_made - 1].goal
    ):
        is_sole_memory = False
        leads = select_unused_templates(load_turn_moves("back_to_the_beginning", register), state.user_text)
        lead = f"{rng.choice(leads)} "
    forms = [form for form in load_turn_moves("recall", register) if is_sole_memory or "{thing}" in form]
    unused_forms = [form for form in forms if not _is_form_used(form, state.user_text)]
    return lead + capitalize_sentence(fill_slots(rng.choice(unused_forms or forms), memory.to_slots()))


def _is_form_used(form: str, earlier_text: str) -> bool:
    """Says whether all fixed words of a form occur in what was said."""
    return all(words in earlier_text or capitalize_sentence(words) in earlier_text for words in _SLOT.split(form))


def choose_small_talk(state: DialogueState) -> Mapping[str, Any]:
    """Returns the small talk of the current turn: a remark and its answer; no two of a conversation are the same."""
    rng = build_generator("small talk", state.plan.plan_id)
    talk_turns = [
        turn_index for turn_index, turn in enumerate(state.plan.turns) if turn.kind in ("small_talk", "recall")
    ]
    return rng.sample(load_turn_moves("small_talk"), len(talk_turns))[talk_turns.index(state.turn_index)]


def _compose_remedy(state: DialogueState, kind: Literal["remedy", "correction"], rng: Random) -> str:
    """Composes what makes a failed step good (another value, or that it works now), and requests the other steps of the
    turn.
    """
    register = state.situation.persona.register
    recovery_step, *other_steps = state.list_pending_steps()
    failed_step = state.plan.steps[state.current_turn.step] if state.current_turn.step is not None else recovery_step
    failed_values = {argument.argument: argument.value for argument in failed_step.arguments}
    changed_arguments = [
        argument for argument in recovery_step.arguments if failed_values.get(argument.argument) != argument.value
    ]
    if not changed_arguments:
        key = {"expired_auth": "remedy_expired_auth", "permission_denied": "remedy_permission_denied"}
        remedy = rng.choice(load_turn_moves(key.get(failed_step.fault or "", "remedy_wait"), register))
    else:
        found_nothing = failed_step.fault == "empty_result"
        key = "correction" if kind == "correction" else "remedy_search" if found_nothing else "remedy_value"
        slots = {
            "x": request_phrases.quote_free_text(changed_arguments[0]),
            "words": request_phrases.render_argument_name(changed_arguments[0].argument),
        }
        remedy = capitalize_sentence(fill_slots(rng.choice(load_turn_moves(key, register)), slots))
    other_steps = [step for step in other_steps if step.tool != recovery_step.tool or not step.together]
    return f"{remedy} {_compose_request(state, other_steps, False, rng)}" if other_steps else remedy


def _select_requested_steps(steps: Sequence[PlannedStep]) -> list[PlannedStep]:
    """Returns the steps that the user asks for: without repetitions of a failed step, without calls of an equivalent
    tool that fail first, and of one act on several things only the first.
    """
    requested: list[PlannedStep] = []
    failed_tools: set[str] = set()
    for step in steps:
        if step.another:
            continue
        is_repetition = step.tool in failed_tools and not step.together
        is_same_act = step.together and requested and requested[-1].tool == step.tool and _takes_result(step)
        if step.fault:
            failed_tools.add(step.tool)
        if not is_repetition and not is_same_act:
            requested.append(step)
    return requested


def _takes_result(step: PlannedStep) -> bool:
    """Says whether a step takes an argument from a result."""
    return any(argument.source == "result" for argument in step.arguments)


def _compose_request(state: DialogueState, steps: Sequence[PlannedStep], is_opening: bool, rng: Random) -> str:
    """Composes the request for these steps, with the facts that are not withheld."""
    register = state.situation.persona.register
    key = "request_leads" if is_opening else "followups_plain" if _was_refused(state) else "followups"
    leads = select_unused_templates(keep_timely(load_moves(key, register), state.situation.now), state.user_text)
    if state.plan.kind == "single_turn":
        leads = [lead for lead in leads if not _ANNOUNCES_MORE.search(lead)] or leads
    lead = rng.choice(leads)
    requests: list[request_phrases.RequestPhrase] = []
    named_items: set[tuple[int | None, str, int]] = set()
    for step in _select_requested_steps(steps):
        if any(map(request_phrases.is_next_page_argument, step.arguments)):
            requests.append(request_phrases.phrase_next_page_request(state.user_text, rng))
            continue
        user_arguments = [
            argument for argument in step.arguments if argument.source == "user" and not argument.withheld
        ]
        simultaneous = [same for same in steps if same.tool == step.tool and same.together and _takes_result(same)]
        count = len(simultaneous) + (0 if step.together else 1)
        references = _phrase_references(state, step, count if simultaneous else 1, named_items, rng)
        must_say = {pointer for pointer, reference in references.items() if reference.must_be_said}
        requests.append(
            request_phrases.phrase_request(
                state.tools[step.tool],
                user_arguments,
                {pointer: reference.words for pointer, reference in references.items()},
                rng,
                for_several=bool(simultaneous),
                distant_pointers=_find_distant_arguments(state, step) | must_say,
            )
        )
    return _join_requests(lead, requests, rng)


class _Reference(NamedTuple):
    """The words for an argument that is taken from a result; `must_be_said` where nobody could know otherwise which of
    several things is meant.
    """

    words: str
    must_be_said: bool = False


def _phrase_references(
    state: DialogueState, step: PlannedStep, count: int, named_items: set[tuple[int | None, str, int]], rng: Random
) -> dict[str, _Reference]:
    """Returns words for the arguments that are taken from results, by pointer; for the first `count` things at once if
    there are several. `named_items` are those that the same message has named before, and are added to.
    """
    references: dict[str, _Reference] = {}
    step_index = next((index for index, planned in enumerate(state.plan.steps) if planned is step), len(state.results))
    for argument in step.arguments:
        if argument.source != "result" or argument.step is None:
            continue
        source = state.plan.steps[argument.step]
        noun = item_choices.find_listed_noun(source.tool, argument.result or "")
        if count > 1:
            words = request_phrases.phrase_first_items(argument, noun, count, rng)
            reference = _Reference(words)
        else:
            in_view = not any(
                parse_tool_name(later.tool).action == "list"
                for later in state.plan.steps[argument.step + 1 : step_index]
            )
            reference = _phrase_reference_to_one(state, step, argument, noun, in_view, named_items, rng)
        value = None if item_choices.is_unseen(state, argument) or count > 1 else state.resolve_argument(argument)
        if isinstance(value, str) and request_phrases.is_sayable_value(argument, value):
            words = request_phrases.quote_free_text(msgspec.structs.replace(argument, surface=value))
            references[argument.argument] = _Reference(words)
        elif source.goal < step.goal and '"' not in reference.words:
            words = request_phrases.phrase_distant_reference(reference.words, noun, rng)
            references[argument.argument] = reference._replace(words=words)
        else:
            references[argument.argument] = reference
    return references


def _phrase_reference_to_one(
    state: DialogueState,
    step: PlannedStep,
    argument: PlannedArgument,
    noun: str,
    in_view: bool,
    named_items: set[tuple[int | None, str, int]],
    rng: Random,
) -> _Reference:
    """Phrases a reference to one thing: "that thread" where there is one or the message has just named it; by its title
    or place where there are several; as the first that comes up where nobody knows yet how many there are.
    """
    is_unseen = item_choices.is_unseen(state, argument)
    path = argument.result or ""
    plain_words = request_phrases.phrase_sole_item(argument, noun, rng)
    choices = [] if is_unseen else item_choices.find_choices(_find_result(state, argument), path)
    if is_unseen and item_choices.find_array(path):
        item = (argument.step, item_choices.find_array(path), 0)
    elif choices:
        item = (argument.step, choices[0].array, choices[0].index)
    else:
        return _Reference(_find_person_named(state, argument) or plain_words)
    holder = item_choices.find_holder(path)
    if item_choices.leaves_choice_open(state, step, argument):
        return _Reference(plain_words)
    if choices and holder and choices[0].holder_title:  # it has a name of its own, such as the customer of an invoice
        noun_of_holder = to_singular(split_words(holder)[-1])
        title = choices[0].holder_title
        return _Reference(request_phrases.phrase_item_by_title(argument, noun_of_holder, title, rng), True)
    if item in named_items:
        if not holder:
            return _Reference(plain_words)
        owner = " ".join(split_words(holder.rsplit("/", 1)[-1]))
        return _Reference(f"the {owner} of that {noun.rsplit(' ', 1)[-1]}", True)
    named_items.add(item)
    if is_unseen:
        return _Reference(request_phrases.phrase_first_of_unseen(argument, noun, rng), True)
    choice = choices[0]
    is_far_down = choice.index >= len(request_phrases.ORDINALS)
    is_shown = choice.title.lower() in state.assistant_text.lower()
    if choice.title and (not in_view or is_far_down or not is_shown or rng.random() < TITLE_SHARE):
        return _Reference(request_phrases.phrase_item_by_title(argument, noun, choice.title, rng), True)
    in_view = in_view and len(choices) == 1
    return _Reference(request_phrases.phrase_item_by_ordinal(argument, noun, choice.index, rng, in_view), True)


def _find_person_named(state: DialogueState, argument: PlannedArgument) -> str:
    """Returns the name of the person whose identifier an argument takes from the only thing shown; '' if it is none."""
    holder_pointer = (argument.result or "").replace("/*", "/0").rpartition("/")[0]
    owner = decide_field_meaning(holder_pointer.rpartition("/")[2], {"type": "object"})
    if item_choices.is_unseen(state, argument) or owner.role != "person":
        return ""
    holder = at_pointer(_find_result(state, argument), holder_pointer)
    return item_choices.find_item_title(holder)


def _find_result(state: DialogueState, argument: PlannedArgument) -> Any:
    """Returns the result that an argument is taken from; None if it is not there yet."""
    return next(iter(state.results[argument.step : argument.step + 1]), None) if argument.step is not None else None


def _find_distant_arguments(state: DialogueState, step: PlannedStep) -> set[str]:
    """Returns the pointers of the arguments that a result of an earlier goal gives."""
    plan = state.plan
    return {argument.argument for argument in step.arguments if is_from_an_earlier_goal(plan, argument.step, step.goal)}


def _join_requests(lead: str, requests: Sequence[request_phrases.RequestPhrase], rng: Random) -> str:
    """Joins requests into sentences: `Could you` + two requests → `Could you open the thread, then reply to Maria?`.

    A sentence that belongs to one request and did not fit into it follows at once, lest it be taken for another's.
    """
    sentences: list[str] = []
    imperatives: list[str] = []

    def end_imperative_sentence() -> None:
        if imperatives:
            group_lead = rng.choice(("Then", "After that,", "")) if sentences else lead
            sentences.append(_join_imperatives(group_lead, imperatives, rng))
            imperatives.clear()

    for request in requests:
        if request.stands_alone:
            end_imperative_sentence()
            if not sentences and lead and lead[-1] in ".!":
                sentences.append(lead)
            text = request.text
            sentences.append(capitalize_sentence(text) + ("" if text.endswith("?") else _choose_full_stop(text)))
        else:
            imperatives.append(request.text)
        if request.more_sentences:
            end_imperative_sentence()
            sentences += request.more_sentences
    end_imperative_sentence()
    return " ".join(sentences)


def _join_imperatives(lead: str, requests: Sequence[str], rng: Random) -> str:
    """Joins requests in the imperative into one sentence after the lead."""
    is_question = lead.endswith("?")
    lead = lead.rstrip("?")
    text = requests[0].removeprefix("please ") if "please" in lead.lower() else requests[0]
    for position, following in enumerate(requests[1:], start=2):
        is_last = position == len(requests)
        text += (
            rng.choice((", then ", " and then ", ", and ")) if is_last else rng.choice((", ", ", then "))
        ) + following
    joined = f"{lead} {_match_case(lead, text)}".strip() if lead else capitalize_sentence(text)
    return joined + ("?" if is_question else _choose_full_stop(joined))


def _match_case(lead: str, text: str) -> str:
    """Capitalises the text if it begins a sentence after the lead."""
    return capitalize_sentence(text) if not lead or lead[-1] in ".!?" else text


def _choose_full_stop(text: str) -> str:
    """Returns the full stop that a text still needs; '' if it has an end mark."""
    return "" if text.endswith((".", "!", "?", '."', '!"', '?"')) else "."


ROLE = Role("user_simulator", str, _render_variables, _improvise_message)
