"""Every contest of an evaluation: each model, in each style, over the questions in each order of options."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from anessuite.contests import Contestant, OpenEnded, Style, slug
from anessuite.llm.config import ModelConfig
from anessuite.prompting import Prompt
from anessuite.sources.questions import Question
from anessuite.stages import Stage
from tasks.generate import Asked, prompt
from tasks.judge_replies import OPEN, OpenQuestions, inputs_of_judge
from tasks.lay_out import Exemplars, Shown
from tasks.pool import quoted_options
from tasks.score import Contest

_REPLY = {"en": "Answer: {}", "zh": "答案：{}"}
"""What an exemplar replies, as the prompts ask for it."""


@dataclass(frozen=True)
class Contests:
    """All of them follow from the config, the exemplars, and the languages of the questions."""

    models: Sequence[Contestant]
    styles: Sequence[Style]
    samples: int
    open: OpenEnded | None
    exemplars: Exemplars
    languages: Sequence[str]
    shuffles: int
    seed: int

    def with_options(self, questions: Stage) -> Iterator[Contest]:
        """Those that are asked with options, the benchmark's own order first."""
        for model in self.models:
            for style in self.styles:
                for order in range(self.shuffles + 1):
                    yield self._contest(model, style, self._shown(questions, order))

    def open_ended(self, questions: Stage) -> Iterator[tuple[Contest, Asked]]:
        """Those that are asked without, each with what the judge is asked."""
        for model in self.models if self.open else ():
            yield self._open(model, self._shown(questions, 0)), self._judge(model)

    def all(self, questions: Stage) -> list[Contest]:
        """Every contest, in order."""
        return [*self.with_options(questions), *(one for one, _ in self.open_ended(questions))]

    def asked(self, questions: Stage) -> list[Asked]:
        """All that models are asked, the judge too."""
        return [
            *(one.asked for one in self.all(questions)),
            *(judge for _, judge in self.open_ended(questions)),
        ]

    @property
    def sizes(self) -> dict[str, float | None]:
        """Billions of parameters by model."""
        return {model.label: model.size for model in self.models}

    @property
    def prompts(self) -> list[Prompt]:
        """Each prompt file that is used, once."""
        found = [one for style in self.styles for one in self._prompts(style).values()]
        if self.open:
            names = [("open", self.open.version), ("judge", self.open.version)]
            found += [one for name, version in names for one in self._own(name, version).values()]
        return list({one.path: one for one in found}.values())

    def _shown(self, questions: Stage, order: int) -> Shown:
        return Shown(questions, order, self.shuffles + 1, self.seed)

    def _contest(self, model: Contestant, style: Style, rows: Shown) -> Contest:
        shuffle = f"-order-{rows.order}" if rows.order else ""
        asked = self._asked(
            f"{slug(model.label)}-{slug(style.label)}{shuffle}",
            self._prompts(style),
            _limited(model, style.max_tokens),
        )
        options = replace(asked, attempts=self.samples)
        return Contest(model.label, style.label, options, rows, model.price)

    def _open(self, model: Contestant, rows: Shown) -> Contest:
        assert self.open is not None
        prompts = self._own("open", self.open.version)
        asked = self._asked(f"{slug(model.label)}-{OPEN}", prompts, _limited(model, self.open.max_tokens))
        stem = replace(asked, inputs=lambda row: {"question": row["question"]})
        return Contest(model.label, OPEN, stem, OpenQuestions(rows), model.price)

    def _judge(self, model: Contestant) -> Asked:
        assert self.open is not None
        prompts = self._own("judge", self.open.version)
        asked = self._asked(f"{slug(model.label)}-judge", prompts, self.open.judge)
        return replace(asked, inputs=inputs_of_judge, attempts=self.open.votes)

    def _asked(self, step: str, prompts: dict[str, Prompt], model: ModelConfig) -> Asked:
        first, *others = self.languages
        return Asked(
            step,
            prompts[first],
            model,
            lambda row: {"question": row["question"], "options": quoted_options(row)},
            others={language: prompts[language] for language in others},
        )

    def _own(self, name: str, version: int) -> dict[str, Prompt]:
        return {language: prompt(f"evaluation/{name}", language, version) for language in self.languages}

    def _prompts(self, style: Style) -> dict[str, Prompt]:
        """By the language of the questions; exemplars are in that language, too."""
        found: dict[str, Prompt] = {}
        for language in self.languages:
            spoken = language if style.instructions == "own" else style.instructions
            plain = prompt(f"evaluation/{style.style}", spoken, style.version)
            shots = self.exemplars.get(language, [])[: style.shots]
            turns = [message for one in shots for message in _turn(plain, one, spoken)]
            found[language] = replace(plain, shots=turns)
        return found


def _limited(model: ModelConfig, max_tokens: int | None) -> ModelConfig:
    return model if max_tokens is None else model.model_copy(update={"max_tokens": max_tokens})


def _turn(plain: Prompt, one: Question, spoken: str) -> list[dict[str, str]]:
    options = "\n".join(f"{letter}. {text}" for letter, text in one.options.items())
    asked = plain.messages(question=one.question, options=options)[-1]
    return [dict(asked), {"role": "assistant", "content": _REPLY[spoken].format(one.answer)}]
