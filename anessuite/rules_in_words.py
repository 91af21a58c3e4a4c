"""The rules of a decontamination, their thresholds and the allow-list, as a page tells them."""

from collections.abc import Mapping
from typing import Any

from anessuite.pages import MOST_ROWS, escape, more, nothing, table

ALLOWING = "cover"
"""The rule that heeds the allow-list."""
_SHARES = {"min_coverage": 0.6, "min_coverage_with_answer": 0.4}
_OF_COVER = {
    "min_coverage": "share of a stem's own characters that gives it away",
    "min_coverage_with_answer": "the same where the row also holds the correct option",
    "boilerplate_items": "a passage of 33 characters in so many different questions is boilerplate",
    "min_short_stem": "characters of the shortest stem that is given away by its correct option alone",
}
_MOST_VALUE = 300


def chosen_rules(rules: Mapping[str, Any]) -> list[str]:
    """Names of the rules, in the order in which they are asked."""
    return _strings(rules.get("rules"))


def allowed_phrases(rules: Mapping[str, Any]) -> list[str]:
    """The allow-list."""
    return _strings(rules.get("allow"))


def rules_in_words(rules: Mapping[str, Any]) -> list[str]:
    """HTML: what each chosen rule removes, the thresholds that it asks for, and the allow-list."""
    chosen = chosen_rules(rules)
    if not chosen:
        return [nothing("No rule was chosen.")]
    settings = [
        (str(name), _shown(str(name), value), _OF_COVER.get(str(name), ""))
        for name, value in rules.items()
        if name not in ("rules", "allow") and (ALLOWING in chosen or name not in _OF_COVER)
    ]
    note = "Case, width, white space and forms of punctuation do not count."
    if len(chosen) > 1:
        note += " The first rule that holds gives the reason."
    return [
        table(("Rule", "A row is removed if"), [(rule, _meaning(rule, rules)) for rule in chosen]),
        nothing(note),
        table(("Threshold", "Value", "Meaning"), settings) if settings else "",
        *_allow_list(rules),
    ]


def _allow_list(rules: Mapping[str, Any]) -> list[str]:
    phrases = allowed_phrases(rules)
    items = "".join(f"<li>{escape(phrase[:_MOST_VALUE])}</li>" for phrase in phrases[:MOST_ROWS])
    return [
        "<h3>Allow-list</h3>",
        f'<ul class="phrases">{items}</ul>' if phrases else nothing("It is empty."),
        more(len(phrases) - MOST_ROWS, "phrases"),
        "" if ALLOWING in chosen_rules(rules) else nothing(f"Only the rule {ALLOWING} heeds it."),
    ]


def _meaning(rule: str, rules: Mapping[str, Any]) -> str:
    least, with_answer = (_shown(name, rules.get(name, default)) for name, default in _SHARES.items())
    return {
        "lcs": "it has more than 64 characters in a row in common with the stem or an option of any "
        "question, boilerplate or not.",
        "cover": "it has that in common with a question, and passages of at least 33 characters cover "
        f"{least} of the stem, or {with_answer} if the row also holds the correct option. Boilerplate does "
        f"not count: passages in at least {rules.get('boilerplate_items', 3)} different questions, and the "
        "allow-list. A stem of 64 characters or less must stand whole in the row, its options near by.",
    }.get(rule, "")


def _shown(name: str, value: Any) -> str:
    if name in _SHARES and isinstance(value, int | float) and 0 <= value <= 1:
        return f"{100 * value:g} %"
    return str(value)[:_MOST_VALUE]


def _strings(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list | tuple) else []
