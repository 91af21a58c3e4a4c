"""Our rewards as verl calls them, one reply at a time, on rows of a ``verl`` export.

Named in verl's config (0.9.1) as ``reward.custom_reward_function.path: pkg://anessuite.training.verl_reward``
and ``name: compute_score``. What verl gives by keyword and is not used here is passed over.

    >>> row = {"language": "en", "options": [{"letter": "A", "text": "Ketamine"}]}
    >>> compute_score("anessuite/r1", "<think>It is.</think>\\n\\nAnswer: A", "A", row)
    {'score': 1.1, 'acc': 1.0, 'format_of_reply': 1.0}
"""

from collections.abc import Mapping
from typing import Any, Final

from anessuite.training.rewards import correctness, format_of_reply

FORMAT_WEIGHT: Final = 0.1
"""As in `anessuite.training.recipes.Rewards`."""


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str | None,
    extra_info: Mapping[str, Any],
    *,
    format_weight: float = FORMAT_WEIGHT,
    thought_is_open: bool = False,
    **_: Any,
) -> dict[str, float]:
    """``score`` is what the policy is trained on: ``acc`` and ``format_weight`` times ``format_of_reply``.

    ``acc`` is verl's name for right (1.0) or wrong (0.0). ``extra_info`` holds ``options`` and ``language``
    of the question. ``thought_is_open``: the chat template ends a prompt with ``<think>``. The last two
    arguments are set by ``reward.custom_reward_function.reward_kwargs``. A question that cannot be used
    scores 0.0 whatever the reply, so that its group teaches nothing.
    """
    options = [dict(one) for one in extra_info["options"]]
    opened = [thought_is_open]
    right = correctness(
        [""], [solution_str], solution=[ground_truth], options=[options], thought_is_open=opened
    )[0]
    form = format_of_reply(
        [""],
        [solution_str],
        options=[options],
        language=[extra_info["language"]],
        thought_is_open=opened,
    )[0]
    if right is None or form is None:
        return {"score": 0.0, "acc": 0.0, "format_of_reply": 0.0}
    return {"score": right + format_weight * form, "acc": right, "format_of_reply": form}
