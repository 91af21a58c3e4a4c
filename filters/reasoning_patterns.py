r"""The phrases behind the rules for reasoning (`filters.reasoning`), English and Chinese, for Rust's engine.

A model that was shown the key says so: "the correct answer is given as C", 题目给出的答案是C. One that works
it out says "the answer is C", 答案是C, or wonders what the key may say. Only the first cites the key.
"""

HAN = r"\p{Han}"
WORD = r"[^\s\p{P}\p{S}\p{Han}][^\s\p{Han}]*"
"""A word of an alphabet, or a number, up to the next blank or Chinese character."""
TOKENS = r"\p{Han}|[[\p{L}\p{N}]--\p{Han}]+"
SENTENCE_END = r"[\n.!?;。！？；]+"
ENGLISH_RUN = r"(?:\p{Latin}[\p{Latin}'’-]*[,;:]? ){5,}\p{Latin}+"
"""Six English words in a row: prose. Drug names, scales and abbreviations in Chinese text are shorter."""


def _lines(text: str) -> str:
    return "|".join(line.strip() for line in text.strip().splitlines())


def _words(text: str) -> str:
    """English phrases in any case, whole words; ASCII bounds keep Rust's fast engine (six times faster)."""
    return rf"(?i)(?-u:\b)(?:{_lines(text)})".replace("<", r"(?-u:\b)")


_SURE = r"gold(?:en)?|reference|official|ground[- ]truth|keyed"
_KEY = rf"(?:answer key|(?:{_SURE}|provided|given|supplied) (?:correct |right )?(?:answer|label))"
_HERE = r"(?: here| for this (?:question|one))?"
_STATES = "is|was|says?|states?|indicates?|lists?|gives?|shows?|has|marks?|confirms?|matches|being"
_TOLD = "given|provided|supplied|listed|stated|marked|indicated|recorded|labell?ed|specified"
_RIGHT = "(?:correct |right )"
_NO_KEY = _words(rf"""
    (?:perhaps|maybe|probably|possibly|if|whether|unless|suppose|assuming|imagine)<[^.,!?;\n]{{0,50}}?<{_KEY}<
    (?:wonder|guess|no|not|without|lack(?:s|ing)?|might|could|would)<[^.,!?;\n]{{0,50}}?<{_KEY}<
    [a-z]+n['’]t<[^.,!?;\n]{{0,50}}?<{_KEY}<
    {_KEY}s? (?:choice|option|alternative)s?<""")
_CITES_KEY = _words(rf"""
    (?:according to|as per|per|based on|consulting|checking|looking at|match(?:es|ing)?) the {_KEY}<
    (?:answer key|(?:{_SURE}) (?:answer|label)){_HERE} (?:{_STATES})<
    {_KEY}{_HERE} (?:is|was|being)<
    {_KEY}{_HERE}(?:,? ?\(?(?:option )?[A-J]\)?[.,;:) ]|\s?:)
    answer (?:here )?(?:is|was|has been) (?:already )?(?:{_TOLD}) (?:to be|as|to us|to me)<
    answer (?:is|was) (?:already )?(?:given|provided|stated) in the (?:prompt|instructions?)<
    (?:we|I)(?: are| am| were| was|['’]re|['’]m) (?:told|given) (?:that )?the {_RIGHT}?answer<
    (?:question|prompt|user|source|dataset) (?:states|says|indicates) (?:that )?the {_RIGHT}answer is<
    (?:option|choice|answer)(?: [A-J])? (?:is |was )?(?:marked|labell?ed|keyed) (?:as )?(?:the )?correct<
    (?:justify|rationali[sz]e|work(?:ing)? back(?:wards?)? from) (?:the )?(?:{_KEY}|known answer)<
    according to the (?:provided|given|official|reference) (?:solution|explanation|rationale)<""")

_KEY_ZH = "(?:参考|标准|官方|给定的?|所给的?|给出的|提供的|已知的?|标注的)(?:正确)?答案"
_ASKER_ZH = "(?:题目|题干|题中|试题|原题|本题|系统|用户)(?:中|里|已经?|所|直接)*"
_RIGHT_ZH = "(?:正确|参考|标准)?答案"
_BY = "(?:根据|按照|依据|参照|对照|结合|查看)"
_GIVES = "(?:给出|给定|提供|标注|标明|告知|告诉)"
_DOUBT_ZH = "如果|假如|假设|倘若|若|可能|也许|或许|恐怕|没有|并无|并未|没给|未给|未提供|不知|是否|除非"
_NO_KEY_ZH = _lines(rf"""
    (?:{_DOUBT_ZH})[^，。！？；\n]{{0,15}}?(?:{_KEY_ZH}|答案)
    答案的?(?:选项|备选|之一|中|范围)""")
_CITES_KEY_ZH = _lines(rf"""
    {_ASKER_ZH}{_GIVES}(?:了|我们?|的)*{_RIGHT_ZH}
    {_KEY_ZH}\s?(?:是|为|给出|给的|选|显示|指出|认为|标注|[:：]|[A-J])
    {_BY}(?:题目|题库|所|给出|给定|提供|的)*(?:参考|标准|正确|官方)答案
    {_BY}(?:题目|题库|所|给出|给定|提供)+的?答案
    (?:由|从|根据|按照?|用)(?:正确|参考|标准)?答案(?:来|进行)?(?:反推|倒推|逆推)
    答案已经?(?:被)?{_GIVES}
    (?:既然|因为|由于)(?:题目|已经?)+(?:给出|告诉|提供|知道)[^。！？；\n]{{0,6}}答案
    被?标(?:注|记|明)为正确(?:答案|选项)""")

_MODEL = "(?:AI|artificial intelligence|(?:large )?language model)"
_META_TALK = _words(rf"""
    as an? {_MODEL}(?: (?:language )?(?:model|assistant|system))?(?:,|\s(?:I|my)<| trained)
    I(?: am|['’]m) (?:just |only |merely )?an? (?:{_MODEL}|virtual assistant|chatbot)<
    system (?:prompt|message)<
    (?:ignor|disregard)(?:e|ing) (?:all |any |the |my )*(?:previous|prior|above) (?:instruction|prompt)s?<
    my (?:training data|knowledge cut-?off|system instructions)<""")
_AI_ZH = "(?:(?i:AI)|人工智能|(?:大型?)?语言模型)"
_MODEL_ZH = rf"(?:一个|一名|一款|一位)?\s?{_AI_ZH}\s?(?:语言)?(?:大?模型|助手|助理|，|,|我)"
_META_TALK_ZH = _lines(rf"""
    (?:作为|我是|我只是|我仅是){_MODEL_ZH}
    系统提示词|系统指令|我的训练数据|我的知识截止
    忽略(?:之前|以上|上述|前面)的?(?:所有)?(?:指令|指示|提示)""")
"""监护系统提示低血压 is a monitor, not a prompt."""

NO_KEY = f"(?:{_NO_KEY})|(?:{_NO_KEY_ZH})"
"""Wondering about a key, or having none; the "given answer options" are the options."""
CITES_KEY = f"(?:{_CITES_KEY})|(?:{_CITES_KEY_ZH})"
META_TALK = f"(?:{_META_TALK})|(?:{_META_TALK_ZH})"
