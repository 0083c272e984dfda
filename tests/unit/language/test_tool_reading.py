"""What is read of a tool: the verbs for it, the thing, what the user does that it answers, how arguments are said."""

from typing import Any

import pytest

from funcdex_assets.language.tool_reading import ToolReading, list_name_words, read_tool
from funcdex_assets.planning.commands import can_be_commanded
from funcdex_assets.records.tool import Tool

TEXT, WHOLE, NUMBER, FLAG = ({"type": kind} for kind in ("string", "integer", "number", "boolean"))


def enum(*options: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(options)}


def told(description: str, schema: dict[str, Any] = TEXT) -> dict[str, Any]:
    return {**schema, "description": description}


def tool(name: str, description: str = "", required: tuple[str, ...] = (), **properties: Any) -> Tool:
    named = {argument.rstrip("_"): schema for argument, schema in properties.items()}  # `from_`
    schema = {"type": "object", "properties": named, "required": list(required)}
    return Tool("tools", name, description, schema, None, "")


def read(name: str, description: str = "", **properties: Any) -> ToolReading:
    return read_tool(tool(name, description, **properties))


def manners(reading: ToolReading) -> dict[str, str]:
    return {argument.name: argument.manner for argument in reading.arguments}


ROOM = enum("kitchen", "hall")
DAY = enum("monday", "tuesday")
ACCOUNT = enum("checking", "savings")


def case(reading: ToolReading, families: str, thing: str, said: str = "", *, name: str = "") -> Any:
    """`said` has the manner of each argument: "room=place"."""
    expected = dict(pair.split("=") for pair in said.split())
    return pytest.param(reading, tuple(families.split()), thing, expected, id=name or reading.tool)


REQUESTS = [
    # home
    case(read("turn_off_lights", "Turn off the lights in a room.", room=ROOM), "turn_off", "lights", "room=place"),
    case(
        read("setThermostat", "Sets the temperature", temperature=NUMBER, mode=enum("heat", "cool")),
        "set",
        "thermostat",
        "temperature=level mode=level",
    ),
    case(
        read("lock_unlock_door", "Lock or unlock a door", door=enum("front", "back"), action=enum("lock", "unlock")),
        "lock unlock",
        "door",
        "door=place action=act",
    ),
    case(read("VacuumCleaner_2_StartCleaning", "Start cleaning a room", room=TEXT), "start", "cleaning", "room=place"),
    case(
        read("blinds", "Raise or lower the blinds", direction=enum("up", "down"), percent=WHOLE),
        "raise lower",
        "blinds",
        "direction=act percent=level",
    ),
    case(
        read("warmth", "Make the bath warmer or cooler", way=enum("warmer", "cooler"), much=enum("little", "lot")),
        "plain",
        "warmth",
        "way=act much=degree",
    ),
    case(read("air_quality", "", room=TEXT), "plain", "air quality", "room=place"),
    # car
    case(
        read("adjust_seat_heat", "Adjusts the seat's heating", seat=enum("driver", "passenger"), level=WHOLE),
        "set",
        "seat heat",
        "seat=place level=level",
    ),
    case(
        read("window_control", "Opens and closes the car windows", action=enum("open", "close")),
        "open close",
        "car windows",
        "action=act",
    ),
    case(
        read("navigate_to", "Start navigation to a place", destination=TEXT, avoid_tolls=FLAG),
        "navigate start",
        "navigation",
        "destination=to avoid_tolls=flag",
    ),
    # media
    case(read("increase_volume", "Increase the volume", step=WHOLE), "raise", "volume", "step=step"),
    case(
        read("playSong", "Plays a song by an artist", song=TEXT, artist=TEXT), "play", "song", "song=thing artist=thing"
    ),
    case(read("skip_track"), "skip", "track"),
    case(
        read(
            "Music_3_LookupMusic",
            "Search for a song",
            genre=enum("Rock", "Jazz", "dontcare"),
            year=enum("2010", "2011"),
        ),
        "find",
        "music",
        "genre=kind year=when",
    ),
    # weather, calendar
    case(
        read("Weather_1_GetWeather", "Get the weather of a location", city=TEXT, date=told("in the form MM/DD/YYYY")),
        "look_up",
        "weather",
        "city=place date=when",
    ),
    case(
        read("calendar_create_event", "Create an event", title=told("Title of the event"), duration_minutes=WHOLE),
        "create",
        "calendar event",
        "title=thing duration_minutes=duration",
    ),
    case(read("move_meeting", "Moves a meeting", day=DAY), "reschedule", "meeting", "day=when"),
    case(
        read("set_reminder", "Remind the user of a task", task=TEXT, time=TEXT),
        "create remind",
        "reminder",
        "task=thing time=when",
    ),
    # messaging
    case(
        read("slack.post_message", "Post a message to a channel", channel=TEXT, text=told("Text of the message")),
        "send",
        "message",
        "channel=thing text=text",
    ),
    case(read("sendText", "Send a text", recipient=TEXT, message=TEXT), "send", "text", "recipient=to message=text"),
    case(read("call_contact", "Call a contact", contact=TEXT), "call", "contact", "contact=thing"),
    case(read("call_back", "Have a nurse call the patient", urgent=FLAG), "call_back", "nurse", "urgent=flag"),
    case(
        read("translate", "Translate words", text=TEXT, language=TEXT),
        "translate",
        "words",
        "text=text language=manner",
    ),
    # shop
    case(
        read("add_to_cart", "Adds a product to the shopping cart", product=TEXT, quantity=WHOLE),
        "create",
        "product",
        "product=thing quantity=count",
    ),
    case(
        read("track_order", "Where the customer's order is", order_number=told("Six digits")),
        "track look_up",
        "order",
        "order_number=digits",
    ),
    case(
        read("return_item", "Return an item", item=TEXT, reason=enum("damaged", "late")),
        "refund",
        "item",
        "item=thing reason=reason",
    ),
    case(read("get_item", "Returns an item", item=TEXT), "look_up", "item", "item=thing"),
    case(
        read(
            "order_pizza",
            "Order a pizza",
            size=enum("small", "large"),
            toppings={"type": "array", "items": enum("ham", "corn")},
        ),
        "order",
        "pizza",
        "size=level toppings=kind",
    ),
    case(
        read("subscribe", "Sign up for the newsletter", email={**TEXT, "format": "email"}),
        "sign_up",
        "newsletter",
        "email=value",
    ),
    # travel
    case(
        read("book_table", "Reserve a table", guests=WHOLE, restaurant=TEXT, time=told("HH:MM")),
        "book",
        "table",
        "guests=count restaurant=place time=when",
    ),
    case(
        read(
            "book_flight",
            "Book a flight",
            origin=told("City"),
            destination=told("City"),
            seat_class=enum("economy", "first"),
        ),
        "book",
        "flight",
        "origin=from destination=to seat_class=manner",
    ),
    case(
        read("hotel_search", "Find hotels in a city", city=TEXT, nights=WHOLE, max_price=told("per night", NUMBER)),
        "find",
        "hotels",
        "city=place nights=duration max_price=amount",
    ),
    case(
        read("late_checkout", "Stay longer on the last day", time=told("HH:MM")), "plain", "late checkout", "time=when"
    ),
    case(read("housekeeping", "Have the room cleaned", when=enum("now", "later")), "clean", "room", "when=when"),
    case(read("taxi", "Have a taxi sent", people=WHOLE), "send", "taxi", "people=count"),
    case(read("quiet", "Do not disturb", on=FLAG), "mute", "do not disturb", "on=act"),
    # money
    case(
        read("transfer_money", "Transfer money between accounts", amount=NUMBER, from_=ACCOUNT, to=ACCOUNT),
        "move",
        "money",
        "amount=amount from=from to=to",
    ),
    case(
        read(
            "cancel_card",
            "Cancel a card",
            card_type=enum("debit", "credit"),
            reason=enum("lost", "stolen"),
            last_four=TEXT,
        ),
        "cancel",
        "card",
        "card_type=kind reason=reason last_four=digits",
    ),
    case(read("check_balance", "Check the balance", account_type=ACCOUNT), "look_up", "balance", "account_type=kind"),
    case(
        read("pay_bill", "Pay a bill", payee=told("The company"), amount=NUMBER),
        "pay",
        "bill",
        "payee=thing amount=amount",
    ),
    # health, fitness
    case(
        read("log_workout", "Log a workout", exercise=TEXT, minutes=WHOLE),
        "report",
        "workout",
        "exercise=thing minutes=duration",
    ),
    case(
        read("weigh_in", "Record the user's weight", weight=told("Kilograms", NUMBER)),
        "report",
        "weight",
        "weight=level",
    ),
    case(
        read("book_appointment", "Schedules an appointment", doctor=told("Last name of the doctor"), day=DAY),
        "book",
        "appointment",
        "doctor=thing day=when",
    ),
    case(read("opening_hours", "Opening hours", day=DAY), "plain", "opening hours", "day=when"),
]


@pytest.mark.parametrize(("reading", "families", "thing", "said"), REQUESTS)
def test_a_tool_that_is_asked_for(
    reading: ToolReading, families: tuple[str, ...], thing: str, said: dict[str, str]
) -> None:
    assert (reading.families, reading.objects[0], manners(reading)) == (families, thing, said)
    assert reading.trigger == ""


@pytest.mark.parametrize(
    ("name", "description", "trigger"),
    [
        ("greeting", "User says hello", "greet"),
        ("intent_thanks", "The user expresses gratitude", "thank"),
        ("end_chat", "Use when the user says goodbye", "bye"),
        ("speak_to_agent", "Connect to a human agent", "human"),
        ("fallback", "Use when the request is unclear or off topic", "unclear"),
        ("none_of_these", "Called if nothing else fits or the message is out of scope", "unclear"),
        ("say_again", "User asks to repeat the last answer", "repeat"),
        ("agent_status", "Get the status of the update agent", ""),
        ("welcome_email", "Send an email to new customers", ""),
        ("repeat_prescription", "Repeat a prescription", ""),
    ],
)
def test_what_the_user_does_is_told_from_what_the_user_asks_for(name: str, description: str, trigger: str) -> None:
    assert read(name, description).trigger == trigger


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Weather_1_GetWeather", "get weather"),
        ("slack.post_message", "post message"),
        ("turnOffLights", "turn off lights"),
        ("GET_3_DAYS", "days"),
        ("x", "x"),
    ],
)
def test_words_of_a_name_are_without_the_service(name: str, words: str) -> None:
    assert " ".join(list_name_words(name)) == words


@pytest.mark.parametrize(
    ("description", "predicate"),
    [
        pytest.param("Bring the customer a towel", "bring me a towel", id="the customer is me"),
        pytest.param("Keeps the guest's parcels at the desk", "keep my parcels at the desk", id="third person"),
        pytest.param("Stay longer on the last day", "stay longer on the last day", id="an unlisted verb"),
        pytest.param("Opens and closes the windows", "", id="two things at once"),
        pytest.param("Turn a light on or off", "", id="a choice"),
        pytest.param("Test results", "", id="no verb"),
        pytest.param("Use when the message is unclear", "", id="a situation"),
        pytest.param("Move the car to one of the various places that were specified before", "", id="too long"),
    ],
)
def test_a_description_that_can_be_said_as_it_stands(description: str, predicate: str) -> None:
    assert read("x", description).predicate == predicate


@pytest.mark.parametrize(
    ("description", "question", "thing"),
    [
        ("Where a parcel is now", ("where", "is"), "parcel"),
        ("When the patient's next appointment is", ("when", "is"), "next appointment"),
        ("How long the ride takes", ("how long", "takes"), "ride"),
        ("Where to", (), "x"),
    ],
)
def test_a_description_that_is_a_question(description: str, question: tuple[str, ...], thing: str) -> None:
    reading = read("x", description)
    assert (reading.question, reading.objects[0]) == (question, thing)


@pytest.mark.parametrize(
    ("schema", "digits"),
    [
        pytest.param(told("Last four digits of the card"), 4, id="last four in words"),
        pytest.param(told("Six digits on the label"), 6, id="six in words"),
        pytest.param({**TEXT, "pattern": r"^\d{5}$"}, 5, id="by its pattern"),
        pytest.param({**TEXT, "minLength": 8, "maxLength": 8}, 8, id="by its length"),
        pytest.param(told("Number to call"), 10, id="a phone number"),
    ],
)
def test_how_many_digits_a_number_has_that_is_read_out(schema: dict[str, Any], digits: int) -> None:
    (argument,) = read("check", "Check it", number=schema).arguments
    assert (argument.manner, argument.digits) == ("digits", digits)


UNSAYABLE = [
    pytest.param("record_id", {**TEXT, "format": "uuid"}, id="a uuid"),
    pytest.param("page_token", TEXT, id="a page token"),
    pytest.param("data", {**TEXT, "format": "byte"}, id="bytes"),
    pytest.param("payload", {"type": "object", "properties": {"a": TEXT}}, id="an object"),
    pytest.param("image_uri", {**TEXT, "minLength": 9}, id="an address of the web"),
    pytest.param("gadget_id", {**TEXT, "pattern": "^[A-Z]{9}$"}, id="an id that is no number"),
    pytest.param("title", TEXT, id="a name of something that nothing tells"),
    pytest.param("xq", TEXT, id="a text of which nothing tells what it is"),
    pytest.param("sort_order", enum("asc", "desc"), id="an order of sorting"),
    pytest.param("mode", {**TEXT, "enum": ["fixed"]}, id="nothing to choose"),
    pytest.param("handle", told("Opaque; do not set"), id="what the document calls opaque"),
]


@pytest.mark.parametrize(("name", "schema"), UNSAYABLE)
def test_what_nobody_says_is_left_out_and_makes_a_tool_that_requires_it_unfit(
    name: str, schema: dict[str, Any]
) -> None:
    optional, required = (tool("sync", "Sync", needed, room=ROOM, **{name: schema}) for needed in ((), (name,)))
    assert manners(read_tool(optional)) == {"room": "place"}
    assert read_tool(optional).unsayable == (name,)
    assert can_be_commanded(optional)
    assert not can_be_commanded(required)


def test_a_list_is_said_by_its_items_unless_it_needs_many() -> None:
    reading = read("tag", "Tag it", colors={"type": "array", "items": enum("red", "blue")})
    assert [(argument.is_list, argument.options) for argument in reading.arguments] == [(True, ["red", "blue"])]
    assert read("tag", "Tag it", colors={"type": "array", "items": TEXT, "minItems": 4}).unsayable == ("colors",)
