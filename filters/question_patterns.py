"""The words and patterns behind the rules for questions (`filters.question`), English and Chinese.

All are for Rust's regular expressions, but TOKEN and STOP.
"""

import re


def _words(text: str) -> str:
    return "|".join(text.split())


def _lines(text: str) -> str:
    return "|".join(line.strip() for line in text.strip().splitlines())


TOKEN = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
STOP = re.compile(r"[.!?;。！？；]+(?!\d)")
NUMBERING = r"^(?:(?i:q|question|问题?)\s?\d*\s?[:.]|\(?\d{1,2}[.)、]\s)\s*"
AUX = _words("""is are was were am do does did has have had can could will would shall should may might must
    cannot (?:is|are|was|were|do|does|did|has|have|had|could|would|should|ca|wo|must)n't""")
WH = "what|which|who|whom|whose|why|how"
ASKING = rf"(?:(?:{WH})\b|(?:when|where) (?:{AUX})\b)"
FIRST = _words(r"""in at by to for from with under on of after before during over through within among
    between against into until via than about as up out across beyond besides upon towards? according just
    \w+ly""")
ASKING = rf"(?:(?:{FIRST}) ){{0,3}}{ASKING}"
CLAUSE = rf"""(?i)(?:^|[,;:.?!)] | -+ |--)["'(]*(?:(?:so|then|and|but|or) )?(?:((?:{AUX}) )|({ASKING}))"""
"""The first clause that asks: group 1 by an auxiliary, group 2 by an interrogative."""
ASKS_MORE = "(?i)" + _lines(rf"""
    \b(?:and|or|but|so) (?:if (?:so|yes|not|any),? )?{ASKING}
    \bif (?:so|yes|not|any),
    , (?:why|how)\b""")
JOINED = rf"(?i)(?:^|[;?] |,? (?:and|or) ){ASKING}"
JOINED_ZH = "(?:什么|哪|如何|怎|为何|多少|几[种个次类]|是否|能否)[^,;，；、?]*"
TASKS = _words(r"""describe list explain compare discuss name outline define summari[sz]e state identify
    contrast enumerate give provide specify distinguish differentiate tell\sme elaborate\son""")
POLITE = rf"(?i)\b(?:can|could|would|will) you (?:please |briefly )*(?:{TASKS})\b"
TASK = rf"^(?:please |briefly |[^?]{{1,80}}, )*(?:{TASKS}) "
TASKS_ZH = _words("描述 简述 试述 列举 列出 说明 解释 比较 阐述 论述 概述 叙述 总结 归纳 举例")
TASK_ZH = f"^请?(?:简要|详细)?地?(?:{TASKS_ZH})"
WH_ZH = "什么|哪|如何|怎|[为有]何|何[时种处人药者物为谓以类]|多[少大长久高]|谁"
WH_ZH += "|几[种个次类天年例级期条组分小]"
YES_NO_ZH = "是否|吗|能否|可否|应否|会不会|是不是|有没有|有无|能不能|可不可以|应不应"

KIND = _words(r"""(?-i:[a-z-]+(?:ed|ive|al|ent|based|blind|label)) cohort pilot feasibility case and human
    small (?:multi-?|single-)cent(?:er|re) case-control cross-?over non-?inferiority systematic narrative
    scoping simulation in\svitro in\svivo nationwide larger? whole entire research post-?\s?hoc network
    exploratory phase\s\w+ pharmacokinetic first second two three four same above following given eligible""")
KINDS = rf"(?:(?:{KIND}),? )*"
PAPER = _words(r"""stud(?:y|ies) trials? papers? articles? abstract manuscript publication meta-analys[ie]s
    systematic\sreview RCTs? case\s(?:report|series) cohort excerpt""")
WORK = "investigations?|experiments?|survey|review|analys[ie]s|report|research|series|passage|text"
SOME = _words("""patients participants subjects volunteers respondents children adults infants neonates women
    men parturients rats mice pigs rabbits dogs sheep cases""")
SAID = "find|conclude|report|observe|recommend|suggest|propose|note|use|compare|investigate|evaluate|measure"
PART = _words("population period protocol groups? arms? drugs? cohort sample outcomes? results findings")
GOAL = "outcome|end ?point|objective|aim|finding|result|conclusion"
DONE = _words("""enrolled recruited randomi[sz]ed surveyed randomly compared studied investigated evaluated
    included excluded""")
TOLD = "context|information|data|results|findings"
FARED = "were|was|had|received|underwent|developed|experienced|required|reported|did"
STUDY = "(?i)" + _lines(rf"""
    \b(?:this|these|the present|the current|our) {KINDS}(?:{PAPER}|{WORK})\b
    \bthe {KINDS}(?:{PAPER})\b
    \bthe (?:given |provided |above |following )?(?:text|passage)\b
    \b(?:our|the present|the current) (?:results?|findings?|data|patients)\b
    \b(?:the|each|both|all) study (?:{SOME}|{PART})\b
    \bthe (?:authors?|investigators|researchers|participants|respondents|volunteers|subjects)\b
    \b(?:enrolled|recruited|included|studied|surveyed) (?:{SOME})\b
    \b(?:{SOME}) (?:were |who were )?(?:randomi[sz]ed|randomly|enrolled|recruited)\b
    \b(?:was|were) (?:{DONE})\b
    \bwere (?:examined|analy[sz]ed|the (?:main )?(?:in|ex)clusion criteria)\b
    \b(?:was|were) (?:used as |chosen as )?the (?:primary|secondary|main|key) (?:{GOAL})
    \b(?:researchers|investigators|authors) (?:found|(?:{SAID})e?[ds]?)\b
    \bwe (?:found|(?:{SAID})e?d)\b
    \bdid (?:we|researchers|investigators)\b
    \bthe (?:results|findings|data) (?:suggest|show|indicate|demonstrate|support|reveal|imply)
    \b(?:based on|according to|from|given) the (?:provided |given )?(?:{TOLD})\b
    \b(?:based on|according to) the (?:provided )?(?:summary|report|review|survey|analysis)\b
    \b(?:the|as|[a-z]+s|above-?|afore) ?mentioned\b
    \bmentioned in\b|\b(?:mentioned|described) (?:above|here|below)\b
    \bhow many (?:\w+ )?(?:{SOME}) (?:{FARED})\b
    \b(?:in|of|among|from|for) (?:the |a total of )?\d[\d,]* (?:[\w-]+ ){{0,2}}(?:{SOME})\b
    \b(?:was|were|did)\b[^?]*\bparticipants\b
    \bour (?:institution|center|centre|hospital|unit|department|experience)\b
    \bet al\b
    \b(?:table|figure|fig\.) ?\d
    \bin (?:the research|this work)\b""")
STUDY_OF_SOME = rf"(?i)\bthe {KINDS}(?:study|trial) of (?:\d|(?:[\w-]+ ){{0,2}}(?:{SOME})\b)"
TRIALS = "labou?r|void|extubat|wean|spontaneous|off|conservative|medical|therap|non-?invasive|nerve|opioid"
NO_STUDY = "(?i)" + _lines(rf"""
    \bthe {KINDS}study of (?:the )?[a-z][\w-]*
    \b(?:(?:{KIND}) )+(?:study|trial) designs?\b
    \bis the {KINDS}(?:study|trial) (?:considered|regarded|seen|often|generally|the gold)
    \bpassage of\b
    \bpaper bag\b
    \btrials? of (?:{TRIALS})
    \bclinical trials? (?:process|phases?)
    \b(?:1|one) in (?:every )?\d[\d,]*
    \bout of \d+
    \d (?:year|month|week|day)s? old
    \bneed(?:ed)? to be treated\b""")
KIND_ZH = _words(
    "[前回]瞻性 随机 对照 双盲 单盲 多中心 单中心 观察性 临床 动物 队列 横断面 病例 系统 荟萃 [Mm]eta 综合 的"
)
PAPER_ZH = _words("研究 试验 实验 论文 文章 文献 综述 报告 报道 调查 分析 队列 文")
STUDY_ZH = _lines(f"""
    (?:[本该此这]项?|这[一个篇些]|那项|当前|所述)(?:{KIND_ZH})*(?:{PAPER_ZH})
    研究(?:者|人员)(?:发现|认为|采用|使用|观察|比较|报道|得出|建议)
    研究(?:结果[显表提]|对象[是有为包中分共])
    (?:^|[在,，])研究中
    (?:^|[,，。])研究的?(?:主要|次要)?(?:目的|结论|终点|结局|发现|对象)
    (?:^|[^操工合动制创协写])作者
    受试者|参与者|入组|被?纳入的?(?:患者|病例|研究)|随机分[为配组成]
    (?:^|[^英中])文[中章]|原文|上文|摘要|[上前]述|我们(?:的|发现|观察|认为)
    多少[例名位](?:患者|病人|产妇|患儿|儿童|老年)""")
NO_STUDY_ZH = "受试者工作特征|本文化"

FUNCTION = """a an the of in on at to for from by with and or as than about into over under during after
    before between among per via within without against upon is are was were be been being do does did done
    has have had can could will would should may might must shall not no only also then so if when where while
    until whether how what which who whom whose why there any some all each every most more less least much
    many few several other another same very too just still even ever now often usually commonly typically
    generally mainly"""
FUNCTION_WORDS = frozenset(FUNCTION.split())
GENERIC = """effects? impacts? influences? roles? actions? mechanisms? dos(?:e|es|age|ing) half-li(?:fe|ves)
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
ANY = rf"(?:(?:{_words(FUNCTION + ' ' + GENERIC)})\b[^\w~]*)"
EMPTY = rf"(?i)^{ANY}+$"
THING = r"(?:drugs?|agents?|medications?|interventions?|treatments?|compounds?|(?:two|three|both) \w+)"
PRONOUN = "it|its|they|their|them|he|she|his|her|him|these|those|this|the former|the latter"
POINTS = rf"(?i)^{ANY}*" + _lines(rf"""
    (?:(?:{PRONOUN})\b
    (?:is|was|does|did|do) that\b
    (?:does|did|do|is|was|were|are|of|with|after|by) the {THING} \w)""")
OPINION = _words(r"""take taken mean important (?:im)?possible (?:un)?necessary recommended safer?
    (?:in)?appropriate essential critical crucial difficult eas(?:y|ier) advis\w+ reasonable prefer\w+ better
    best useful helpful beneficial harmful dangerous called said believed thought known suggested rare
    considered acceptable feasible common (?:un)?likely desirable mandatory vital imperative prudent justified
    worth\w* unsafe time""")
CLAUSES = r"to|that|for|when|if|whether|before|until|by|\w+ing"
NO_POINTER = "(?i)" + _lines(rf"""
    \bit (?:is |was |be )?(?:\w+ly )?(?:{OPINION})(?: .*)? (?:{CLAUSES})\b
    \bit (?:takes?|that)\b
    \bthose (?:who|with|without|under|receiv|given|treated|of|in|that|having|at|aged|taking|whose|requir)
    \b(?:these|the following)\b[^:?]{{0,80}}:[ ]
    \bthe {THING} (?:of|that|for|used|which|to|in|with|most|given|class|known|approved|best|whose)\b
    \bhis bundle""")
LEADING = "because of|due to|owing to|given|despite|unlike|thanks to|in addition to|besides|apart from"
LEAD = rf"(?i)^(?:{LEADING}) (?:its|their)\b[^,?]*, "
"""Its noun comes after the comma."""
ARM = "intervention|control|treatment|treated|experimental|study|comparison|comparator|exposed"
GROUP = "(?i)" + _lines(rf"""
    \b(?:two|three|four|both|all|each|either|these|those) (?:(?:study|treatment|patient|other) )?groups?\b
    \b(?:the|this) (?:{ARM})[- ](?:group|arm|cohort)s?\b
    \bgroups? (?:(?-i:[A-Z]{{1,3}}|[IVX]+)|\d)\b
    \bbetween[- ]groups?\b
    \bthe groups\b|\b(?:across|among|in|within) groups\b""")
NO_GROUP = "(?i)" + _lines(r"""
    \bblood (?:group|type)s?
    \b(?:abo|muscle|age|who|functional|a control) groups?
    \bgroups? of\b
    \bgroup [ab] strep
    \bgroup (?-i:O|AB|A|B)[- ](?:negative|positive|rh|blood|red|plasma|whole|platelet|donor)
    \bgroup \d (?:pulmonary|PH)\b""")
GROUP_ZH = "[两三四各每二]组|组间|(?:对照|实验|试验|观察|治疗|干预|研究)组|[A-Za-z甲乙丙]组|第[一二三四]组"
NO_GROUP_ZH = "哪[两三四几]组|[AB]组链球菌|组(?:间隙|间沟)|组[(（:]"
ANY_ZH = _words("""请问 那么 在 对于? 关于 与 和 及 或 使用 应用 给予 影响 引起 导致 的 是 什么 哪[些种个]?
    如何 怎[样么] 为什么 为何 多少 有 主要 最 常见 常用 不良反应 副作用 并发症 作用 机制 机理 效果 疗效 结果
    结论 结局 目的 原因 因素 危险 风险 发生率? 比例 剂量 用量 半衰期 持续 时间 起效 适应[证症] 禁忌[证症] 优点
    缺点 优势 特点 方法 方式 治疗 处理 管理 药物? 患者 病人 差异 区别 不同 了 吗 呢 被 中 后 前 时 何 几
    [个种例名] 进行 临床 意义 价值 相关 应该? 需要 可以 能 会 更 较 高 低 好 大 小 [,，、。?\\s]""")
PRONOUN_ZH = "其(?:[^他它实余次间]|$)|它们?|[他她](?:们|的)|该|这|此[^外]|[两二]者|[前后]者"
POINTS_ZH = f"^(?:{ANY_ZH})*(?:{PRONOUN_ZH})"
EMPTY_ZH = f"^(?:{ANY_ZH})+$"
