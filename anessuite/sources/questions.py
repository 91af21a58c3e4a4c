"""Multiple-choice questions of any source: found, read, cleaned, and checked for a wrong column mapping.

>>> read_questions(QuestionSource(path="medqa.jsonl")).questions[0]   # doctest: +SKIP
Question(source='medqa.jsonl', source_id='medqa.jsonl#0', language='en', question='A 67-year-old man ...',
         options={'A': 'Atropine', 'B': 'Adenosine'}, answer='B', subject='')
"""

from collections import Counter
from dataclasses import replace

from anessuite.errors import SourceError
from anessuite.manifests import Quarantined
from anessuite.sources.exam.text import read_exam
from anessuite.sources.files import ABOUT, QUESTION_SUFFIXES, SourceFile, find_files
from anessuite.sources.question_columns import QuestionColumns
from anessuite.sources.question_rows import EMPTY_OPTION, NO_OPTIONS, NO_QUESTION, read_table
from anessuite.sources.question_sets import LostRow, Question, QuestionSet, evidence_of
from anessuite.sources.question_source import QuestionSource

__all__ = [
    "EMPTY_OPTION",
    "NO_OPTIONS",
    "NO_QUESTION",
    "LostRow",
    "Question",
    "QuestionColumns",
    "QuestionSet",
    "QuestionSource",
    "read_questions",
]

OTHER_SUBJECT = "other_subject"


def read_questions(source: QuestionSource, *, keep_going: bool = False) -> QuestionSet:
    """Every question of a source, in the order of its files and rows.

    With ``keep_going`` files that cannot be read are left out and listed, unless none can be.

    Raises:
        SourceError: no file, or one that cannot be read to its end, has no question, is of no known layout or
            without a mapped column, or whose columns seem mistaken (stems that are no questions or all equal,
            answers that mostly name no option, or that are counted from another base); ``subjects`` where a
            file states none, or no question has one of them.
    """
    rows, warnings, broken = list[Question | LostRow](), list[str](), list[Quarantined]()
    files, key = _files(source, warnings)
    for file in files:
        try:
            rows += _read(source, file, key, warnings)
        except SourceError as error:
            if not keep_going or len(broken) == len(files) - 1:
                raise
            broken.append(Quarantined(source=source.label, path=file.name, error=error.what))
    if source.subjects is not None:
        rows = _of_subjects(rows, source, source.subjects)
    questions = [row for row in rows if isinstance(row, Question)]
    lost = [row for row in rows if isinstance(row, LostRow)]
    used = [*files, key] if key else files
    return QuestionSet(_with_unique_ids(questions, warnings), lost, used, warnings, broken)


def _files(source: QuestionSource, warnings: list[str]) -> tuple[list[SourceFile], SourceFile | None]:
    """The files of a source and that of its key. Texts that speak of a folder are named in a warning."""
    found = find_files(source.path, format=source.format, suffixes=QUESTION_SUFFIXES)
    key = _key(source)
    files = [file for file in found if key is None or file.path != key.path]
    about = [file for file in files if file.format == "text" and ABOUT.match(file.name.rpartition("/")[2])]
    if about and len(files) > len(about):
        warnings.append(f"not read, since they speak of the data: {', '.join(file.name for file in about)}")
        files = [file for file in files if file not in about]
    if key and [file.format for file in files] != ["text"]:
        raise SourceError(
            f"{source.label}: the key {key.name} is for one exam as text, but {len(files)} files are read",
            "name one file of .txt, .md or .html as `path`, a source for each exam",
        )
    return files, key


def _key(source: QuestionSource) -> SourceFile | None:
    if source.key is None:
        return None
    found = find_files(source.key, format="text")
    if len(found) > 1:
        raise SourceError(
            f"{source.label}: `key` names {len(found)} files, such as {found[0].name}", "name one file"
        )
    return found[0]


def _read(
    source: QuestionSource, file: SourceFile, key: SourceFile | None, warnings: list[str]
) -> list[Question | LostRow]:
    if file.format == "text":
        return read_exam(source, file, key, warnings)
    return read_table(source, file, warnings)


def _of_subjects(
    rows: list[Question | LostRow], source: QuestionSource, subjects: list[str]
) -> list[Question | LostRow]:
    """The same rows, questions of other subjects among the lost. Raises SourceError if no other is left."""
    wanted = {subject.strip().lower() for subject in subjects}
    there = Counter(row.subject for row in rows if isinstance(row, Question))
    others = {name: evidence_of({"subject": name}) for name in there if name.strip().lower() not in wanted}
    if len(others) == len(there):
        names = [name for name, _ in there.most_common() if name][:10]
        raise SourceError(
            f"{source.label} holds no question of the subjects {', '.join(subjects)}",
            f"most frequent there: {', '.join(names) or 'none'}",
        )
    return [
        LostRow(row.source, row.source_id, row.language, OTHER_SUBJECT, others[row.subject])
        if isinstance(row, Question) and row.subject in others
        else row
        for row in rows
    ]


def _with_unique_ids(questions: list[Question], warnings: list[str]) -> list[Question]:
    taken = {question.source_id for question in questions}
    seen, unique = Counter[str](), list[Question]()
    for question in questions:
        name = question.source_id
        seen[name] += 1
        if seen[name] > 1:
            while f"{name}#{seen[name]}" in taken:
                seen[name] += 1
            question = replace(question, source_id=f"{name}#{seen[name]}")
            taken.add(question.source_id)
        unique.append(question)
    twice = [name for name, count in seen.items() if count > 1]
    if twice:
        warnings.append(
            f"{len(twice)} ids occur more than once, such as {twice[0]!r};"
            " later ones have #2, #3 and so on at their end"
        )
    return unique
