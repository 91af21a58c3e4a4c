"""Plain words for reasons, languages and kinds, as dataset cards and reports show them."""

REASONS: dict[str, str] = {
    "no_text": "the row holds no text",
    "malformed_json": "the line is not a JSON object",
    "not_extractable": "no main text was found in the web page",
    "extraction_timeout": "finding the main text of the web page took too long",
    "no_term": "no term of the lexicon occurs, not even inside a word; these rows are counted, not stored",
    "no_whole_word": "terms occur only inside other words or in phrases that do not count",
    "no_core_term": "too few terms that belong to the specialty itself",
    "too_few_hits": "too few hits of terms, or of core terms",
    "too_few_terms": "too few different terms",
    "too_sparse": "too few hits for the length of the text",
    "wrong_language": "not written in the language of its source",
    "too_short": "fewer characters than the least length",
    "too_long": "more characters than the greatest length",
    "broken_characters": "damaged encoding or control characters",
    "lorem_ipsum": "placeholder text",
    "javascript_warning": "mostly a notice that JavaScript is missing",
    "curly_brackets": "so many curly brackets that it is program code",
    "boilerplate": "mostly notices on cookies, terms or privacy",
    "short_words": "words too short on average for prose",
    "long_words": "words too long on average for prose",
    "too_many_symbols": "too many hash signs or ellipses",
    "few_alphabetic_words": "too few words hold a letter",
    "few_alphabetic_chars": "too few characters are letters, digits or punctuation",
    "mostly_bullets": "nearly all lines are bullets",
    "mostly_ellipses": "many lines break off in an ellipsis",
    "no_terminal_punctuation": "no sentence ends",
    "duplicate_lines": "too many lines repeat an earlier line",
    "duplicate_paragraphs": "too many paragraphs repeat an earlier one",
    "exact_duplicate": "the same text as another row, but for case, width and white space",
    "near_duplicate": "nearly the same text as a longer or earlier row",
    "no_abstract": "the citation has no abstract",
    "not_english": "the article is not in English, or in another language that the config names",
    "retracted": "the article was retracted",
    "retraction_notice": "it only says that another article was retracted",
    "left_out_type": "a type of publication that is left out, such as an erratum",
    "abstract_too_short": "the abstract has fewer characters than the least length",
    "off_topic": "neither a main subject (MeSH) nor the terms in title and abstract belong to the specialty",
    "withdrawn": "PubMed withdrew the citation later",
    "superseded": "PubMed revised the citation later; its newest version stays",
    "duplicate_citation": "the same citation once more, unchanged",
    "duplicate_abstract": "the same abstract as under another PMID",
    "truncated": "the model's reply was cut off at the limit of tokens",
    "refused": "the model refused to reply",
    "empty_reply": "the model's reply was empty",
    "bad_request": "the model's server rejected the request",
    "request_failed": "no model replied, however often it was tried",
    "not_parseable": "the model's reply does not have the form that was asked for",
    "no_questions": "the model wrote no question about this abstract",
    "beyond_count": "the model wrote more questions than it was asked for; the first ones stay",
    "exact_duplicate_question": "the same question as another one, which stays",
    "near_duplicate_question": "nearly the same question as another one, which stays",
    "not_a_question": "it asks nothing",
    "question_too_short": "the question is shorter than the least length",
    "question_too_long": "the question is longer than the greatest length",
    "several_questions": "it asks several questions at once",
    "mentions_study": "it speaks of the article that it was written from, as in “in this study”",
    "missing_subject": "it leaves open what it is about, as in “the drug” or “both groups”",
    "yes_no_only": "yes or no would answer it",
    "copied_sentence": "it copies a sentence or a long run of words from the abstract",
    "not_relevant": "the filter model says: it does not concern the specialty",
    "not_answerable": "the filter model says: the abstract does not hold the whole answer",
    "ambiguous": "the filter model says: without the article it is unclear, or has more than one answer",
    "answer_missing": "the filter model gave no answer, or said that there is none",
    "answer_too_short": "the answer is shorter than the least length",
    "answer_too_long": "the answer is longer than the greatest length",
    "answer_mentions_study": "the answer speaks of the article that it was written from",
    "ungrounded_number": "the answer holds a number that neither abstract nor question holds",
    "ungrounded_agent": "the answer names a drug that neither abstract nor question names",
    "unsupported_answer": "too few content words of the answer stand in the abstract",
    "answer_in_question": "the answer says nothing that the question does not say",
    "contaminated_lcs": "shares more than 64 characters with a question of the benchmark",
    "contaminated_cover": "holds so much of a question of the benchmark that it gives it away",
}
"""What the reasons to drop a row mean; a reason that is not here is shown as it is."""

PAIR_REASONS: dict[str, str] = REASONS | {"wrong_language": "not written in the language that was asked for"}
"""The same where rows are questions: their sources are in another language, maybe."""

LANGUAGES = {"en": "English", "zh": "Chinese"}
KINDS = {
    "email": "e-mail addresses",
    "phone": "telephone numbers",
    "ip": "IP addresses",
    "cn_id": "Chinese identity numbers",
}
"""Names of the kinds of personal data that are masked."""


def language_name(code: str) -> str:
    """English for en; a code that is not known stays."""
    return LANGUAGES.get(code, code)
