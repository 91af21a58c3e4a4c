"""Is a generated question worth keeping? It has to ask one thing, stand by itself, and want more than yes.

Questions are written from an abstract and read without it: one that points at the paper ("in this study",
"group A", "What is its half-life?") cannot be answered. Rules are patterns over the question in its plain
form, run in Rust; phrases that only look like a fault are masked first ("trial of labor", "blood group A").
Only `copied_sentence` reads the abstract.
"""

import re

import polars as pl
from pydantic import Field
from rapidfuzz.distance import LCSseq

from anessuite.config import Config
from filters.language import wrong_language

_LANGUAGES = ("en", "zh")


class QuestionRules(Config):
    """Thresholds, all our choice. Lengths are words in English; Chinese: characters without punctuation."""

    min_words: int = Field(default=3, ge=0, description="'What causes hypercapnia?' is the shortest kept")
    max_words: int = Field(default=60, ge=1, description="1,000 PubMedQA questions have 31 at most")
    min_chars: int = Field(default=7, ge=0, description="Chinese; 丙泊酚如何代谢 is the shortest kept")
    max_chars: int = Field(default=120, ge=1, description="Chinese; two characters an English word")
    min_han_share: float = Field(default=0.15, ge=0, le=1, description="zh: of letters; drug names are Latin")
    accept_tasks: bool = Field(default=True, description="exam style: Describe, List, Explain; 简述, 列举")
    accept_yes_no: bool = Field(default=False, description="keep questions that yes or no answers")
    max_asked: int = Field(default=2, ge=1, description="questions joined in a sentence: what is X, and why")
    min_copied: float = Field(
        default=0.95, gt=0, le=1, description="share of a sentence's words that copies it"
    )
    min_copied_words: int = Field(default=8, ge=1, description="a shorter sentence is no copy; zh: twice")
    max_shared_words: int = Field(default=30, ge=1, description="longest run from the abstract; zh: twice")


def question_reason(
    language: str, rules: QuestionRules, *, question: str = "question", abstract: str = "abstract"
) -> pl.Expr:
    """The first reason to drop the question, or null.

    In order: wrong_language, not_a_question, question_too_short, question_too_long, several_questions,
    mentions_study, missing_subject, yes_no_only, copied_sentence. A null or blank question is
    "not_a_question"; a null abstract is never copied. Raises ValueError for an unknown language.
    """
    if language not in _LANGUAGES:
        raise ValueError(f"unknown language {language!r}; known languages: {', '.join(_LANGUAGES)}")
    by_pattern = pl.coalesce(_rules(language, rules)).alias("reason")

    def decide(rows: pl.Series) -> pl.Series:
        frame = rows.struct.unnest().with_columns(plain(pl.col("question"))).with_columns(by_pattern)
        verdicts = iter(_copies(frame.filter(pl.col("reason").is_null()), language, rules))
        return pl.Series([reason or next(verdicts) for reason in frame["reason"]], dtype=pl.String)

    columns = pl.struct(pl.col(question).alias("question"), pl.col(abstract).alias("abstract"))
    return columns.map_batches(decide, return_dtype=pl.String, is_elementwise=True).alias("reason")


def plain(text: pl.Expr) -> pl.Expr:
    """NFKC, straight quotes and hyphens, single blanks, no number in front; null becomes empty."""
    straight = text.fill_null("").str.normalize("NFKC").str.replace_all("[‘’`´]", "'")
    straight = straight.str.replace_all("[“”]", '"').str.replace_all("[‐‑‒–—−]", "-")
    return straight.str.replace_all(r"\s+", " ").str.strip_chars(" ").str.replace(_NUMBERING, "")


def mentions_study(language: str, text: pl.Expr, *, reason: str = "mentions_study") -> pl.Expr:
    """`reason` where a `plain` text points at the paper it comes from, or null.

    "A study of ...", "the study of pharmacology" and named trials ("the POISE trial") point at none.
    """
    if language == "zh":
        return _reason(reason, text.str.replace_all(_NO_STUDY_ZH, "~").str.contains(_STUDY_ZH))
    found = text.str.replace_all(_NO_STUDY, "~").str.contains(_STUDY) | text.str.contains(_STUDY_OF_SOME)
    return _reason(reason, found)


def missing_subject(language: str, text: pl.Expr) -> pl.Expr:
    """ "missing_subject" where a `plain` question leaves open what it is about, or null.

    That is a pronoun, "these" or "the drug" with nothing before it but function words and nouns that any
    question may hold (dose, effect, risk); a question of such words alone; groups that it does not define.
    """
    if language == "zh":
        grouped = text.str.replace_all(_NO_GROUP_ZH, "~").str.contains(_GROUP_ZH)
        open_ = text.str.contains(_POINTS_ZH) | text.str.contains(_EMPTY_ZH)
        return _reason("missing_subject", grouped | open_)
    grouped = text.str.replace_all(_NO_GROUP, "~").str.contains(_GROUP)
    defined = text.str.contains(r"(?i)\b(?:group|arm)s?\b[^?,;]{0,20}[(:=]")
    points = text.str.replace(_LEAD, "").str.replace_all(_NO_POINTER, "~").str.contains(_POINTS)
    return _reason("missing_subject", (grouped & ~defined) | points | text.str.contains(_EMPTY))


def yes_no_only(language: str, text: pl.Expr) -> pl.Expr:
    """ "yes_no_only" where the main clause begins with is, does, can ... and asks no more, or null."""
    if language == "zh":
        asks_more = text.str.replace_all("任何", "~").str.contains(_WH_ZH)
        return _reason("yes_no_only", text.str.contains(_YES_NO_ZH) & ~asks_more)
    asked = text.str.replace_all(_POLITE, "explain")
    begins = asked.str.extract(_CLAUSE, 1).is_not_null()
    other = asked.str.contains(rf"(?i)\b(?:{_WH})\b|{_TASK}") | asked.str.extract(_CLAUSE, 2).is_not_null()
    by_tone = asked.str.contains(rf"(?i)\b(?:{_AUX})\b") & ~other
    return _reason("yes_no_only", (begins | by_tone) & ~asked.str.contains(_ASKS_MORE))


def not_a_question(language: str, text: pl.Expr, *, accept_tasks: bool) -> pl.Expr:
    """ "not_a_question", or null for a question or, if accepted, an exam task ("Describe ...", 简述).

    In English a question has its mark, and an interrogative or an auxiliary ("A role for ketamine?" is a
    heading); in Chinese it has its mark or an interrogative.
    """
    if language == "zh":
        asks, task = text.str.contains(rf"\?|{_WH_ZH}|{_YES_NO_ZH}"), text.str.contains(_TASK_ZH)
    else:
        asks = text.str.contains(r"\?") & text.str.contains(rf"(?i)\b(?:{_WH}|when|where|{_AUX})\b")
        task = text.str.replace_all(_POLITE, "explain").str.contains(rf"(?i){_TASK}")
    return _reason("not_a_question", ~(asks | task) if accept_tasks else ~asks | task)


def several_questions(language: str, text: pl.Expr, *, max_asked: int) -> pl.Expr:
    """ "several_questions" where there are two question marks, or more than `max_asked` questions joined."""
    joined = text.str.count_matches(_JOINED_ZH if language == "zh" else _JOINED)
    return _reason("several_questions", (text.str.count_matches(r"\?[?!\s]*") > 1) | (joined > max_asked))


def _rules(language: str, rules: QuestionRules) -> list[pl.Expr]:
    text, english = pl.col("question"), language == "en"
    length = text.str.count_matches(r"[^\s\p{P}]\S*" if english else r"[\p{L}\p{N}]")
    least, most = (rules.min_words, rules.max_words) if english else (rules.min_chars, rules.max_chars)
    return [
        wrong_language(language, text="question", min_share=None if english else rules.min_han_share),
        not_a_question(language, text, accept_tasks=rules.accept_tasks),
        _reason("question_too_short", length < least),
        _reason("question_too_long", length > most),
        several_questions(language, text, max_asked=rules.max_asked),
        mentions_study(language, text),
        missing_subject(language, text),
        *([] if rules.accept_yes_no else [yes_no_only(language, text)]),
    ]


def _reason(name: str, wrong: pl.Expr) -> pl.Expr:
    return pl.when(wrong).then(pl.lit(name))


def _copies(rows: pl.DataFrame, language: str, rules: QuestionRules) -> list[str | None]:
    """ "copied_sentence" where a question holds a whole sentence of its abstract, or a long run of it."""
    scale = 1 if language == "en" else 2
    least, run = rules.min_copied_words * scale, rules.max_shared_words * scale
    verdicts = []
    for question, abstract in rows.select("question", pl.col("abstract").fill_null("")).iter_rows():
        asked, text = _TOKEN.findall(question.lower()), abstract.lower()
        most = len(asked) / rules.min_copied  # a longer sentence cannot be in the question
        sentences = (_TOKEN.findall(each) for each in _STOP.split(text)) if most >= least else ()
        copied = any(
            least <= len(words) <= most and LCSseq.similarity(asked, words) >= rules.min_copied * len(words)
            for words in sentences
        )
        copied = copied or (len(asked) > run and _shares_run(asked, _TOKEN.findall(text), run + 1))
        verdicts.append("copied_sentence" if copied else None)
    return verdicts


def _shares_run(own: list[str], other: list[str], length: int) -> bool:
    text = f" {' '.join(other)} "
    return any(f" {' '.join(own[at : at + length])} " in text for at in range(len(own) - length + 1))


def _words(text: str) -> str:
    return "|".join(text.split())


def _lines(text: str) -> str:
    return "|".join(line.strip() for line in text.strip().splitlines())


_TOKEN = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
_STOP = re.compile(r"[.!?;。！？；]+(?!\d)")
_NUMBERING = r"^(?:(?i:q|question|问题?)\s?\d*\s?[:.]|\(?\d{1,2}[.)、]\s)\s*"
_AUX = _words("""is are was were am do does did has have had can could will would shall should may might must
    cannot (?:is|are|was|were|do|does|did|has|have|had|could|would|should|ca|wo|must)n't""")
_WH = "what|which|who|whom|whose|why|how"
_ASKING = rf"(?:(?:{_WH})\b|(?:when|where) (?:{_AUX})\b)"
_FIRST = _words(r"""in at by to for from with under on of after before during over through within among
    between against into until via than about as up out across beyond besides upon towards? according just
    \w+ly""")
_ASKING = rf"(?:(?:{_FIRST}) ){{0,3}}{_ASKING}"
_CLAUSE = rf"""(?i)(?:^|[,;:.?!)] | -+ |--)["'(]*(?:(?:so|then|and|but|or) )?(?:((?:{_AUX}) )|({_ASKING}))"""
"""The first clause that asks: group 1 by an auxiliary, group 2 by an interrogative."""
_ASKS_MORE = "(?i)" + _lines(rf"""
    \b(?:and|or|but|so) (?:if (?:so|yes|not|any),? )?{_ASKING}
    \bif (?:so|yes|not|any),
    , (?:why|how)\b""")
_JOINED = rf"(?i)(?:^|[;?] |,? (?:and|or) ){_ASKING}"
_JOINED_ZH = "(?:什么|哪|如何|怎|为何|多少|几[种个次类]|是否|能否)[^,;，；、?]*"
_TASKS = _words(r"""describe list explain compare discuss name outline define summari[sz]e state identify
    contrast enumerate give provide specify distinguish differentiate tell\sme elaborate\son""")
_POLITE = rf"(?i)\b(?:can|could|would|will) you (?:please |briefly )*(?:{_TASKS})\b"
_TASK = rf"^(?:please |briefly |[^?]{{1,80}}, )*(?:{_TASKS}) "
_TASKS_ZH = _words("描述 简述 试述 列举 列出 说明 解释 比较 阐述 论述 概述 叙述 总结 归纳 举例")
_TASK_ZH = f"^请?(?:简要|详细)?地?(?:{_TASKS_ZH})"
_WH_ZH = "什么|哪|如何|怎|[为有]何|何[时种处人药者物为谓以类]|多[少大长久高]|谁"
_WH_ZH += "|几[种个次类天年例级期条组分小]"
_YES_NO_ZH = "是否|吗|能否|可否|应否|会不会|是不是|有没有|有无|能不能|可不可以|应不应"

_KIND = _words(r"""(?-i:[a-z-]+(?:ed|ive|al|ent|based|blind|label)) cohort pilot feasibility case and human
    small (?:multi-?|single-)cent(?:er|re) case-control cross-?over non-?inferiority systematic narrative
    scoping simulation in\svitro in\svivo nationwide larger? whole entire research post-?\s?hoc network
    exploratory phase\s\w+ pharmacokinetic first second two three four same above following given eligible""")
_KINDS = rf"(?:(?:{_KIND}),? )*"
_PAPER = _words(r"""stud(?:y|ies) trials? papers? articles? abstract manuscript publication meta-analys[ie]s
    systematic\sreview RCTs? case\s(?:report|series) cohort excerpt""")
_WORK = "investigations?|experiments?|survey|review|analys[ie]s|report|research|series|passage|text"
_SOME = _words("""patients participants subjects volunteers respondents children adults infants neonates women
    men parturients rats mice pigs rabbits dogs sheep cases""")
_SAID = "find|conclude|report|observe|recommend|suggest|propose|note|use|compare|investigate|evaluate|measure"
_PART = _words("population period protocol groups? arms? drugs? cohort sample outcomes? results findings")
_GOAL = "outcome|end ?point|objective|aim|finding|result|conclusion"
_DONE = _words("""enrolled recruited randomi[sz]ed surveyed randomly compared studied investigated evaluated
    included excluded""")
_TOLD = "context|information|data|results|findings"
_FARED = "were|was|had|received|underwent|developed|experienced|required|reported|did"
_STUDY = "(?i)" + _lines(rf"""
    \b(?:this|these|the present|the current|our) {_KINDS}(?:{_PAPER}|{_WORK})\b
    \bthe {_KINDS}(?:{_PAPER})\b
    \bthe (?:given |provided |above |following )?(?:text|passage)\b
    \b(?:our|the present|the current) (?:results?|findings?|data|patients)\b
    \b(?:the|each|both|all) study (?:{_SOME}|{_PART})\b
    \bthe (?:authors?|investigators|researchers|participants|respondents|volunteers|subjects)\b
    \b(?:enrolled|recruited|included|studied|surveyed) (?:{_SOME})\b
    \b(?:{_SOME}) (?:were |who were )?(?:randomi[sz]ed|randomly|enrolled|recruited)\b
    \b(?:was|were) (?:{_DONE})\b
    \bwere (?:examined|analy[sz]ed|the (?:main )?(?:in|ex)clusion criteria)\b
    \b(?:was|were) (?:used as |chosen as )?the (?:primary|secondary|main|key) (?:{_GOAL})
    \b(?:researchers|investigators|authors) (?:found|(?:{_SAID})e?[ds]?)\b
    \bwe (?:found|(?:{_SAID})e?d)\b
    \bdid (?:we|researchers|investigators)\b
    \bthe (?:results|findings|data) (?:suggest|show|indicate|demonstrate|support|reveal|imply)
    \b(?:based on|according to|from|given) the (?:provided |given )?(?:{_TOLD})\b
    \b(?:based on|according to) the (?:provided )?(?:summary|report|review|survey|analysis)\b
    \b(?:the|as|[a-z]+s|above-?|afore) ?mentioned\b
    \bmentioned in\b|\b(?:mentioned|described) (?:above|here|below)\b
    \bhow many (?:\w+ )?(?:{_SOME}) (?:{_FARED})\b
    \b(?:in|of|among|from|for) (?:the |a total of )?\d[\d,]* (?:[\w-]+ ){{0,2}}(?:{_SOME})\b
    \b(?:was|were|did)\b[^?]*\bparticipants\b
    \bour (?:institution|center|centre|hospital|unit|department|experience)\b
    \bet al\b
    \b(?:table|figure|fig\.) ?\d
    \bin (?:the research|this work)\b""")
_STUDY_OF_SOME = rf"(?i)\bthe {_KINDS}(?:study|trial) of (?:\d|(?:[\w-]+ ){{0,2}}(?:{_SOME})\b)"
_TRIALS = "labou?r|void|extubat|wean|spontaneous|off|conservative|medical|therap|non-?invasive|nerve|opioid"
_NO_STUDY = "(?i)" + _lines(rf"""
    \bthe {_KINDS}study of (?:the )?[a-z][\w-]*
    \b(?:(?:{_KIND}) )+(?:study|trial) designs?\b
    \bis the {_KINDS}(?:study|trial) (?:considered|regarded|seen|often|generally|the gold)
    \bpassage of\b
    \bpaper bag\b
    \btrials? of (?:{_TRIALS})
    \bclinical trials? (?:process|phases?)
    \b(?:1|one) in (?:every )?\d[\d,]*
    \bout of \d+
    \d (?:year|month|week|day)s? old
    \bneed(?:ed)? to be treated\b""")
_KIND_ZH = _words(
    "[前回]瞻性 随机 对照 双盲 单盲 多中心 单中心 观察性 临床 动物 队列 横断面 病例 系统 荟萃 [Mm]eta 综合 的"
)
_PAPER_ZH = _words("研究 试验 实验 论文 文章 文献 综述 报告 报道 调查 分析 队列 文")
_STUDY_ZH = _lines(f"""
    (?:[本该此这]项?|这[一个篇些]|那项|当前|所述)(?:{_KIND_ZH})*(?:{_PAPER_ZH})
    研究(?:者|人员)(?:发现|认为|采用|使用|观察|比较|报道|得出|建议)
    研究(?:结果[显表提]|对象[是有为包中分共])
    (?:^|[在,，])研究中
    (?:^|[,，。])研究的?(?:主要|次要)?(?:目的|结论|终点|结局|发现|对象)
    (?:^|[^操工合动制创协写])作者
    受试者|参与者|入组|被?纳入的?(?:患者|病例|研究)|随机分[为配组成]
    (?:^|[^英中])文[中章]|原文|上文|摘要|[上前]述|我们(?:的|发现|观察|认为)
    多少[例名位](?:患者|病人|产妇|患儿|儿童|老年)""")
_NO_STUDY_ZH = "受试者工作特征|本文化"

_FUNCTION = """a an the of in on at to for from by with and or as than about into over under during after
    before between among per via within without against upon is are was were be been being do does did done
    has have had can could will would should may might must shall not no only also then so if when where while
    until whether how what which who whom whose why there any some all each every most more less least much
    many few several other another same very too just still even ever now often usually commonly typically
    generally mainly"""
FUNCTION_WORDS = frozenset(_FUNCTION.split())
_GENERIC = """effects? impacts? influences? roles? actions? mechanisms? dos(?:e|es|age|ing) half-li(?:fe|ves)
    onset duration peak times? results? outcomes? findings? conclusions? objectives? aims? purposes? goals?
    primary secondary main major key important significant(?:ly)? common(?:est)? incidence prevalence rates?
    frequency proportion percentage numbers? average mean median range values? levels? amounts? risks?
    factors? causes? reasons? benefits? (?:dis)?advantages? limitations? side adverse reactions? events?
    complications? signs? symptoms? (?:contra)?indications? us(?:e|es|ed|ing) given give
    administ(?:ered|ration) treat(?:ed|ments?)? therap(?:y|ies) managed? management drugs? agents?
    medications? substances? compounds? techniques? methods? procedures? approach(?:es)? interventions?
    devices? patients? people children adults women men cases? conditions? diseases? problems? questions?
    answers? differences? differ compar(?:e|ed|ison) better best worse worst higher highest lower lowest
    greater smaller larger increased? decreased? changed? changes affect(?:s|ed)? reported observed found seen
    shown measured? recorded noted occur(?:s|red)? happen(?:s|ed)? work(?:s|ed)? made make took taken long
    short far big high low well soon quickly fast types? kinds? forms? terms? named? called known
    safe(?:r|ty)? recommend(?:ed|ations?)? effective(?:ness)? efficacy success(?:ful)? feasible possible
    optimal ideal special appropriate suitable required needed necessary total overall different similar
    related associat(?:ed|ion) relationship involved responsible first second third two three four
    experienced? develop(?:ed)? underwent received? show(?:ed)? suggest(?:ed)? indicated? information data
    evidence clinical implications? due because considered considerations?
    regarding concerning superior inferior equal"""
"""Nouns and verbs that any question may hold: they name no subject."""
_ANY = rf"(?:(?:{_words(_FUNCTION + ' ' + _GENERIC)})\b[^\w~]*)"
_EMPTY = rf"(?i)^{_ANY}+$"
_THING = r"(?:drugs?|agents?|medications?|interventions?|treatments?|compounds?|(?:two|three|both) \w+)"
_PRONOUN = "it|its|they|their|them|he|she|his|her|him|these|those|this|the former|the latter"
_POINTS = rf"(?i)^{_ANY}*" + _lines(rf"""
    (?:(?:{_PRONOUN})\b
    (?:is|was|does|did|do) that\b
    (?:does|did|do|is|was|were|are|of|with|after|by) the {_THING} \w)""")
_OPINION = _words(r"""take taken mean important (?:im)?possible (?:un)?necessary recommended safer?
    (?:in)?appropriate essential critical crucial difficult eas(?:y|ier) advis\w+ reasonable prefer\w+ better
    best useful helpful beneficial harmful dangerous called said believed thought known suggested rare
    considered acceptable feasible common (?:un)?likely desirable mandatory vital imperative prudent justified
    worth\w* unsafe time""")
_CLAUSES = r"to|that|for|when|if|whether|before|until|by|\w+ing"
_NO_POINTER = "(?i)" + _lines(rf"""
    \bit (?:is |was |be )?(?:\w+ly )?(?:{_OPINION})(?: .*)? (?:{_CLAUSES})\b
    \bit (?:takes?|that)\b
    \bthose (?:who|with|without|under|receiv|given|treated|of|in|that|having|at|aged|taking|whose|requir)
    \b(?:these|the following)\b[^:?]{{0,80}}:[ ]
    \bthe {_THING} (?:of|that|for|used|which|to|in|with|most|given|class|known|approved|best|whose)\b
    \bhis bundle""")
_LEADING = "because of|due to|owing to|given|despite|unlike|thanks to|in addition to|besides|apart from"
_LEAD = rf"(?i)^(?:{_LEADING}) (?:its|their)\b[^,?]*, "
"""Its noun comes after the comma."""
_ARM = "intervention|control|treatment|treated|experimental|study|comparison|comparator|exposed"
_GROUP = "(?i)" + _lines(rf"""
    \b(?:two|three|four|both|all|each|either|these|those) (?:(?:study|treatment|patient|other) )?groups?\b
    \b(?:the|this) (?:{_ARM})[- ](?:group|arm|cohort)s?\b
    \bgroups? (?:(?-i:[A-Z]{{1,3}}|[IVX]+)|\d)\b
    \bbetween[- ]groups?\b
    \bthe groups\b|\b(?:across|among|in|within) groups\b""")
_NO_GROUP = "(?i)" + _lines(r"""
    \bblood (?:group|type)s?
    \b(?:abo|muscle|age|who|functional|a control) groups?
    \bgroups? of\b
    \bgroup [ab] strep
    \bgroup (?-i:O|AB|A|B)[- ](?:negative|positive|rh|blood|red|plasma|whole|platelet|donor)
    \bgroup \d (?:pulmonary|PH)\b""")
_GROUP_ZH = "[两三四各每二]组|组间|(?:对照|实验|试验|观察|治疗|干预|研究)组|[A-Za-z甲乙丙]组|第[一二三四]组"
_NO_GROUP_ZH = "哪[两三四几]组|[AB]组链球菌|组(?:间隙|间沟)|组[(（:]"
_ANY_ZH = _words("""请问 那么 在 对于? 关于 与 和 及 或 使用 应用 给予 影响 引起 导致 的 是 什么 哪[些种个]?
    如何 怎[样么] 为什么 为何 多少 有 主要 最 常见 常用 不良反应 副作用 并发症 作用 机制 机理 效果 疗效 结果
    结论 结局 目的 原因 因素 危险 风险 发生率? 比例 剂量 用量 半衰期 持续 时间 起效 适应[证症] 禁忌[证症] 优点
    缺点 优势 特点 方法 方式 治疗 处理 管理 药物? 患者 病人 差异 区别 不同 了 吗 呢 被 中 后 前 时 何 几
    [个种例名] 进行 临床 意义 价值 相关 应该? 需要 可以 能 会 更 较 高 低 好 大 小 [,，、。?\\s]""")
_PRONOUN_ZH = "其(?:[^他它实余次间]|$)|它们?|[他她](?:们|的)|该|这|此[^外]|[两二]者|[前后]者"
_POINTS_ZH = f"^(?:{_ANY_ZH})*(?:{_PRONOUN_ZH})"
_EMPTY_ZH = f"^(?:{_ANY_ZH})+$"
