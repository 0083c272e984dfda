"""Steers a night by what an earlier model did badly: which figures it uses, and what follows from them.

Belongs here: finding the figures, and handing their weights to the stages. The figures are read once, when the chains
of the night are drawn, and kept in its memory (`tool_graph/coverage`), so that all later stages of the night use them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from funcdex_assets.records.feedback import Weakness
from funcdex_assets.settings.generation import LATEST_FEEDBACK, Generation
from funcdex_assets.settings.settings import Settings
from funcdex_assets.tool_graph.coverage import CoverageStore
from funcdex_assets.tool_graph.feedback import (
    NO_FEEDBACK,
    FeedbackError,
    FeedbackWeights,
    hash_weaknesses,
    locate_feedback,
    read_weaknesses,
    reweigh_kinds,
    weigh_weaknesses,
)


def read_feedback(settings: Settings, partition: str) -> tuple[Weakness, ...] | None:
    """Reads the figures that a night of the partition is to be steered by; None if feedback is off, and nothing where
    the partition's model was not evaluated yet.

    Raises:
        FeedbackError: the figures cannot be read.
    """
    source = settings.generation.feedback
    if source is None:
        return None
    path = locate_feedback(settings.home, partition) if source == LATEST_FEEDBACK else settings.root / Path(source)
    if source == LATEST_FEEDBACK and not path.is_file():
        return ()
    return tuple(weakness for weakness in read_weaknesses(path) if weakness.partition == partition)


def load_feedback(settings: Settings, partition: str) -> tuple[Weakness, ...] | None:
    """Loads the figures by which the chains of this night were drawn; None if feedback is off.

    Raises:
        FeedbackError: the chains were drawn without feedback.
    """
    if settings.generation.feedback is None:
        return None
    weaknesses = CoverageStore(settings.home / "coverage").load_feedback(partition, settings.seed)
    if weaknesses is None:
        raise FeedbackError(
            f"generation.feedback is {settings.generation.feedback!r}, and tool_chains of {partition!r} was made "
            "without it; materialise tool_chains again, or remove the setting"
        )
    return weaknesses


def weigh_feedback(settings: Settings, weaknesses: Sequence[Weakness] | None) -> FeedbackWeights:
    """Returns the weights that follow from figures, by the strength that the settings have."""
    return weigh_weaknesses(weaknesses, settings.generation.feedback_strength) if weaknesses else NO_FEEDBACK


def describe_feedback(weaknesses: Sequence[Weakness] | None) -> dict[str, Any]:
    """Returns metadata on the figures that a night is steered by; empty if feedback is off."""
    if weaknesses is None:
        return {}
    return {"feedback": hash_weaknesses(weaknesses) if weaknesses else "none yet", "feedback_figures": len(weaknesses)}


def steer_generation(settings: Settings, partition: str, weights: FeedbackWeights | None = None) -> Generation:
    """Returns what is generated for a partition, with its kinds weighed by the feedback of this night, or by other
    weights.
    """
    if weights is None:
        weights = weigh_feedback(settings, load_feedback(settings, partition))
    generation = settings.generation_of(partition)
    if weights.kinds.is_even:
        return generation
    steered = generation.model_copy(update={"kinds": reweigh_kinds(generation.kinds, weights.kinds)})
    if not generation.are_kinds_chosen:
        steered.model_fields_set.discard("kinds")  # the tools still decide between commands and the others
    return steered
