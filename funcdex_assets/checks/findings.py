"""The list of all rules about conversations, and the function that applies them.

A rule is a function from a `Case` to findings, named as the findings' `rule`. A blocking finding rejects the
conversation; the others cost it points with the judge. Rules judge the messages, never the plan, so they hold for any
engine. Add a rule to the module in `rules/` for what it looks at, and to `RULES` here.
"""

from collections.abc import Mapping, Sequence
from typing import cast

from funcdex_assets.checks.consistency import STATE_RULES
from funcdex_assets.checks.rules import (
    agreement,
    answers,
    broken_relations,
    calls,
    changes,
    contents,
    contradictions,
    counts,
    details,
    errors,
    fields,
    listings,
    manners,
    moments,
    overclaims,
    questions,
    references,
    results,
    speech,
    structure,
    values,
)
from funcdex_assets.checks.rules.case import Case, Rule
from funcdex_assets.language.values import Situation
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import Message
from funcdex_assets.records.tool import Tool

RULES: tuple[Rule, ...] = (
    structure.structure,
    structure.no_call,
    structure.needless_call,
    structure.too_few_user_messages,
    structure.second_user_message,
    structure.unanswered_request,
    calls.unknown_tool,
    calls.missing_argument,
    calls.invalid_arguments,
    calls.ungrounded_argument,
    contradictions.contradicts_user,
    calls.repeated_call,
    results.invalid_result,
    results.false_success,
    results.unsupported_claim,
    speech.placeholder_content,
    speech.leaked_markup,
    speech.leaked_thought,
    speech.broken_characters,
    speech.wrong_speaker,
    speech.wrong_language,
    speech.personal_data,
    speech.gibberish,
    speech.degenerate_repetition,
    speech.repeated_message,
    *STATE_RULES,
    fields.contradicts_itself,
    results.uncited_answer,
    results.untold_lookup,
    counts.filled_when_new,
    contents.unsent_content,
    moments.outside_window,
    moments.other_moment,
    agreement.other_parent,
    agreement.other_text,
    agreement.other_person,
    agreement.other_target,
    counts.miscounted,
    counts.narrower_finds_more,
    moments.state_against_time,
    errors.unexplained_error,
    errors.early_retry,
    errors.uneven_treatment,
    broken_relations.broken_relation,
    references.silent_choice,
    questions.needless_question,
    questions.held_back_calls,
    answers.unanswered_part,
    answers.unanswered_question,
    answers.half_done,
    overclaims.overclaim,
    overclaims.odd_success,
    changes.removed_stranger,
    changes.unmoved_state,
    changes.needless_change,
    overclaims.claimed_ability,
    details.bare_money,
    details.missing_detail,
    details.half_interval,
    listings.false_count,
    listings.not_all,
    listings.short_page,
    manners.against_the_clock,
    manners.praise_after_refusal,
    manners.like_a_form,
    manners.unseen_ordinal,
    manners.loose_topic,
    manners.spelled_out,
    values.misfit_value,
    values.impossible_request,
    values.self_addressed,
)


RULES_OF_MESSAGES: tuple[Rule, ...] = (
    calls.unknown_tool,
    calls.missing_argument,
    calls.invalid_arguments,
    results.invalid_result,
    speech.placeholder_content,
    speech.leaked_markup,
    speech.leaked_thought,
    speech.broken_characters,
    speech.wrong_speaker,
    speech.personal_data,
)
"""The rules that look at nothing but messages and tools, and hold for what people said and wrote themselves.

Not among them: what needs a plan, a persona or a simulated service; and loops, repeated messages, gibberish and mixed
languages, which are faults of a model, and in a recogniser's transcript what was said.
"""


def find_problems(case: Case) -> tuple[Finding, ...]:
    """Returns all findings of all rules, in the order of the rules."""
    return tuple(finding for rule in RULES for finding in rule(case))


def find_problems_of_messages(messages: Sequence[Message], tools: Mapping[str, Tool]) -> tuple[Finding, ...]:
    """Returns the findings of `RULES_OF_MESSAGES` on a conversation that has no plan and no persona."""
    nobody = cast(Situation, None)  # no rule of these asks for it
    case = Case(messages, tools, (), nobody)
    return tuple(finding for rule in RULES_OF_MESSAGES for finding in rule(case))
