"""The word data: enough of everything, and no template that asks for a slot nobody fills."""

from collections.abc import Iterator
from random import Random

import pytest
from offline import shipped_tools

from funcdex_assets.language.lexicon import (
    build_person,
    derive_domain,
    draw_person,
    fill_slots,
    find_slots,
    load_companies,
    load_industries,
    load_lexicon_file,
    load_moves,
    load_phrasebook,
    select_unused_templates,
)
from funcdex_assets.schema.leaves import walk_leaves

REGISTERS = ("brisk", "warm", "formal", "chatty")
SITUATION = {"name", "position", "company", "kind", "matter", "pressure", "counterpart", "first_name", "day"}
TOOLS = {tool.name: tool for tool in shipped_tools()}


def texts(kind: str) -> Iterator[str]:
    entry = load_lexicon_file("moves")[kind]
    for group in [entry] if isinstance(entry, list) else entry.values():
        yield from group


@pytest.mark.parametrize(
    ("kind", "at_least", "slots"),
    [
        ("openers", 4 * 20, SITUATION),
        ("contexts", 4 * 12, SITUATION),
        ("followups", 4 * 16, set()),
        ("followups_plain", 4 * 6, set()),
        ("request_leads", 4 * 14, set()),
        ("answers", 4 * 10, set()),
        ("thanks", 4 * 14, SITUATION),
        ("thanks_plain", 4 * 5, set()),
        ("assistant_asks", 16, {"missing"}),
        ("assistant_opens", 2 * 10, set()),
        ("assistant_changed_nothing", 5, {"who"}),
        ("assistant_offers", 16, set()),
        ("assistant_farewells", 14, SITUATION),
        ("assistant_farewells_plain", 8, set()),
        ("bodies", 40, SITUATION),
        ("title_frames", 20, {"matter", "company"}),
        ("scenario_frames", 36, SITUATION | {"goal"}),
        ("scenario_titles", 12, {"matter", "goal_short"}),
        ("thought_frames", 20, {"why", "have", "action"}),
        ("thought_replies", 14, {"what"}),
        ("thought_asks", 8, {"missing"}),
    ],
)
def test_moves_are_many_and_ask_only_for_what_is_given(kind, at_least, slots):
    found = list(texts(kind))
    assert len(found) >= at_least
    assert {text: find_slots(text) - slots for text in found if find_slots(text) - slots} == {}


def test_every_kind_of_move_is_tested_above():
    tested = {row[0] for row in test_moves_are_many_and_ask_only_for_what_is_given.pytestmark[0].args[1]}
    assert tested == set(load_lexicon_file("moves"))


@pytest.mark.parametrize("kind", ["openers", "contexts", "followups", "request_leads", "answers", "thanks"])
def test_every_register_has_its_own_moves(kind):
    shares = [set(load_moves(kind, register)) - {""} for register in REGISTERS]
    assert [len(share) >= 5 for share in shares] == [True] * 4
    assert set.intersection(*shares) == set()


@pytest.mark.parametrize(
    "slot", ["assistant_asks", "scenario_frames", "scenario_titles", "thought_replies", "thought_asks"]
)
def test_a_frame_that_exists_for_a_slot_has_it(slot):
    wanted = {"assistant_asks": "missing", "thought_asks": "missing", "thought_replies": "what"}
    wanted |= {"scenario_frames": "goal", "scenario_titles": "goal_short"}
    assert [text for text in texts(slot) if wanted[slot] not in find_slots(text)] == []


def test_industries_are_many_and_complete():
    assert len(load_industries()) == len(load_lexicon_file("industries")) >= 50
    for industry, entry in load_industries().items():
        counts = {
            key: len(set(entry[key])) for key in ("companies", "positions", "counterparts", "matters", "pressures")
        }
        assert min(counts.values()) >= 3, industry
        assert counts["matters"] >= 16, industry
        assert entry["kind"].startswith(("a ", "an ")), industry


def test_matters_are_noun_phrases_without_article_that_can_stand_in_a_query():
    matters = [matter for entry in load_industries().values() for matter in entry["matters"]]
    assert len(matters) == len(set(matters))
    assert [text for text in matters if text.lower().startswith(("a ", "an ", "the "))] == []
    assert [text for text in matters if set(text) & set('"{}<>')] == []


def test_every_company_has_a_domain_of_its_own():
    names = [company for entry in load_industries().values() for company in entry["companies"]]
    assert len({derive_domain(name) for name in names}) == len(set(names)) == len(names)
    assert len(load_companies()) == len(load_industries())


def test_people_have_many_names_and_plain_addresses():
    drawn = [draw_person(Random(seed), "x.io") for seed in range(500)]
    assert len({one.name for one in drawn}) > 480
    assert [one for one in drawn if not one.email.isascii() or one.email.count("@") != 1] == []


def test_dispositions_exist_for_every_register():
    by_register = [
        [entry for entry in load_lexicon_file("dispositions") if entry["register"] == one] for one in REGISTERS
    ]
    assert min(map(len, by_register)) >= 5
    assert sum(map(len, by_register)) == len(load_lexicon_file("dispositions"))


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("Zoë Lang", "zoe.lang@x.io"),
        ("Łukasz Müller", "lukasz.muller@x.io"),
        ("Hyun-woo Kim", "hyunwoo.kim@x.io"),
        ("Thảo Đỗ", "thao.do@x.io"),
        ("李 明", "x.x@x.io"),
    ],
)
def test_addresses_follow_from_names(name, address):
    assert build_person(name, "x.io").email == address


def test_fill_leaves_an_unknown_slot_to_be_seen():
    assert fill_slots("{a} and {b.c} and {d}", {"a": "1", "b.c": "2"}) == "1 and 2 and {d}"
    assert find_slots("{a} and {b.c}") == {"a", "b.c"}


# ── phrasebook ────────────────────────────────────────────────────────────────────────────────


def test_every_shipped_tool_is_in_the_phrasebook_and_nothing_else():
    assert set(load_phrasebook()) == set(TOOLS)


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_phrases_are_several_and_their_slots_are_arguments_of_the_tool(name):
    entry = load_phrasebook()[name]
    arguments = {
        ".".join(step for step in leaf.path.split("/")[1:] if step != "*")
        for leaf in walk_leaves(TOOLS[name].parameters)
    }
    assert len(entry.asks) >= 5
    assert len({text for text, _ in entry.asks}) == len(entry.asks)
    assert len(entry.doing) >= 2
    assert entry.done
    assert {slot for _, used in entry.asks for slot in used} <= arguments
    assert {slot for text in entry.done for slot in find_slots(text)} <= arguments
    assert not any(find_slots(text) for text in entry.doing)


@pytest.mark.parametrize(
    ("said", "left"),
    [
        pytest.param("", ["Here is what I found.", "Now", "Shall I go on with the {matter}?"], id="nothing was said"),
        pytest.param("Here is what I found. 3 files.", ["Now", "Shall I go on with the {matter}?"], id="one was"),
        pytest.param(
            "Now. Shall I go on with the roof?", ["Here is what I found.", "Now"], id="few words may come again"
        ),
    ],
)
def test_what_was_said_is_not_said_again(said, left):
    assert (
        list(select_unused_templates(["Here is what I found.", "Now", "Shall I go on with the {matter}?"], said))
        == left
    )


def test_where_all_was_said_all_may_be_said_again():
    assert select_unused_templates(["Here is what I found."], "Here is what I found.") == ["Here is what I found."]
