"""Answers of a model in training to held-out rows, for a look at what it has learned."""

from collections.abc import Sequence

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from funcdex_assets.records.training import AnswerSample, TokenRow
from funcdex_assets.training.generation import GenerationLimits, generate
from funcdex_assets.training.pack_tensors import find_prompt_weight

SHOWN_INPUT = 400
"""Characters of an input that are shown: its end, where the request is."""


def write_samples(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[TokenRow],
    step: int,
    max_tokens: int,
    prompt_weight: float = 0.0,
) -> list[AnswerSample]:
    """Has the model answer where the first answer of each row begins; greedy, one row after the other."""
    samples = []
    for row in rows:
        begin, end = find_first_answer(row, prompt_weight)
        if begin == end:
            continue
        actual = row.token_ids[begin:end]
        limits = GenerationLimits((actual[-1],), max_tokens=max_tokens, vocabulary=len(tokenizer))
        (answer,) = generate(model, [row.token_ids[:begin]], limits)
        samples.append(
            AnswerSample(
                step=step,
                row_id=row.row_id,
                input=decode(tokenizer, row.token_ids[row.prefix_length : begin])[-SHOWN_INPUT:],
                actual=decode(tokenizer, actual[:-1]),
                predicted=decode(tokenizer, answer.token_ids),
            )
        )
    return samples


def decode(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    """Turns ids into text with all special tokens as they are spelled."""
    return str(tokenizer.decode(list(ids), skip_special_tokens=False))


def find_first_answer(row: TokenRow, prompt_weight: float = 0.0) -> tuple[int, int]:
    """Finds the first run of tokens that count as an answer, as (begin, end); (0, 0) if there is none.

    The last token of the run is the one that ends the assistant's turn.
    """
    of_prompts = find_prompt_weight(row, prompt_weight)
    counted = [weight > of_prompts for weight in row.weights]
    if True not in counted:
        return 0, 0
    begin = counted.index(True)
    end = counted.index(False, begin) if False in counted[begin:] else len(counted)
    return begin, end
