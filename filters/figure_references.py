"""Does a question need an image or a table that is not there?

Read are ``question`` and ``options``. The patterns were tuned on every hit in MedQA, MedMCQA and CMMLU. A
word for an image alone says nothing (``A radiograph shows a fracture``): it must be said that the image can
be seen.
"""

import polars as pl

REASON = "refers_to_figure"
_PICTURE = (
    r"(?:figures?|fig\.?|images?|pictures?|pics?|photo(?:graph|micrograph)?s?|micrographs?|diagrams?"
    r"|illustrations?|drawings?"
    r"|exhibits?|colou?r plate|graphs?|curves?|tracings?)"
)
_STUDY = (
    r"(?:x\s?[-‑]?\s?rays?|radiographs?|cxr|(?:ct|mri|pet|bone)(?:\sscans?)?|cect|scans?|tomogra\w+"
    r"|ultrasound|usg|sonogram|ecgs?|ekgs?"
    r"|electrocardiogra\w+|echocardiogra\w+|angiogra\w+|cardiotocogra\w+|audiogram|smears?|histolog\w+"
    r"|histopatholog\w+|microscop\w+"
    r"|slides?|specimens?|biops(?:y|ies)|pedigree|chart|loops?|eeg|emg|capnogra\w+|spirogram|waveform"
    r"|fundus\w*)"
)
_ANY = rf"(?:{_PICTURE}|{_STUDY})"
_SHOWN = (
    r"(?:shown|depicted|displayed|provided|attached|pictured|illustrated|given|presented"
    r"|represented|reproduced)"
)
_SEEN = rf"(?:{_SHOWN}|seen|indicated|marked|labell?ed|observed|found|noted)"
_HERE = r"(?:below|above|here|alongside|opposite)"
_ENGLISH = "(?i)" + "|".join(
    [
        rf"\b{_SEEN}\s(?:in|on|by)\s(?:the\s|this\s|these\s|an?\s)?(?:[\w-]+\s){{0,2}}{_PICTURE}\b",
        rf"\b{_ANY}\b[^.?!]{{0,90}}\b(?:is|are|was|were"
        rf"|and)\s(?:also\s)?(?:as\s)?{_SHOWN}(?:\s{_HERE})?\s*(?:[.?:;(,]|with a normal|$)",
        rf"\b{_PICTURE}\s(?:\w+\s)?{_HERE}\b|\b(?:below|above)[- ](?:{_SHOWN}\s|given\s)?{_PICTURE}\b",
        rf"\b(?:following|accompanying|attached|provided|enclosed|given(?:\sbelow)?"
        rf"|shown)\s(?:\w+\s)?{_PICTURE}\b",
        rf"\b(?:accompanying|attached|enclosed)\s(?:\w+\s)?{_STUDY}\b|\b(?:the"
        rf"|this)\s{_STUDY}\s(?:{_SHOWN}|{_HERE})\s*(?:[.?:;,]|$)",
        rf"\b(?:see|refer to|refer|in|from|on)\s(?:the\s|this\s)?{_PICTURE}(?:\s[a-z0-9]{{1,2}})?\s*[)\]]",
        r"\(\s*(?:fig(?:ure)?\.?|image)\s?[a-z0-9]{1,2}\s*\)|\b(?:in|see"
        r"|on)\sfig(?:ure)?s?\.?\s?(?:\d|[a-e]\b|is\b|$)",
        rf"\brefer to the (?:\w+\s)?{_PICTURE}\b|\bsee\s(?:the\s)?(?:\w+\s)?{_PICTURE}\b",
        r"(?:^|[.?!]\s)fig(?:ure)?\.?\s?\d|\bin the (?:figure|diagram|picture|photograph|illustration)\b",
        r"\b(?:by|with|the|white|black|red|green|yellow|blue)\s?\(?(?:an\s|a\s"
        r"|the\s)?(?:\w+\s)?arrows?\b(?:heads?)?|\bmarked\sarrows?\b",
        r"\b(?:the|following)\smarked\s(?:structure|muscle|nerve|area|part|region|vessel|bone|organ)s?\b",
        r"(?:^|[.?!]\s)(?:the\s|this\s|above\s|given\s|following\s)?(?:figure|picture|diagram"
        r"|photograph|illustration)\s"
        r"(?:shows?|depicts?|represents?|illustrates?|demonstrates?)\b",
        rf"\b(?:depicted|pictured|illustrated)\s{_HERE}\b|\bvideo[- ]based\b|\b(?:condition|device"
        rf"|instrument|case|lesion|procedure)\sshown\s*[?.]",
        r"\bgiven below (?:device|instrument|is the diagram)|\bimage[- ]based\b|\bas shown\s*[.?]",
    ]
)
_NOT_ENGLISH = (
    r"(?i)\b(?:mitotic|flame|father|mother|parental?|authority|public|central|political|key"
    r"|attachment)\sfigures?\b"
    r"|\bfigures?[- ](?:of|eight|8|out)\b|\bfollowing\sfigures\b|\b(?:body|self|mirror|own"
    r"|parental)[- ]images?\b|\bimage[- ](?:guid\w+|intensif\w+|quality|processing)"
    r"|\b(?:fig(?:ure)?\.?|table)\s?\d+[a-z]?\s(?:of|in)\s(?:the|a|an|this)\s(?:\w+\s){0,3}(?:guideline"
    r"|study|paper|article|report|textbook)\w*"
    r"|\bclinical picture|\bbig picture|\bdrawing (?:up|blood|of blood|a)\b|\b(?:growth|medical|patient"
    r"|flow|peak flow)[- ]charts?\b"
    r"|\b(?:learning|starling|dissociation|response|survival|roc|oxygen)\s(?:\w+\s)?curves?\b"
    r"|\bphoto(?:phobia|sensitiv\w+)"
)
_AFTER_HERE = (
    rf"(?is)(?:\b(?:shown|depicted|displayed|pictured)\s{_HERE}"
    rf"|\b{_ANY}\b[^.?!]{{0,90}}\b(?:{_SHOWN}|seen|as)\s{_HERE})\b(.*)$"
)
_TABLE = (
    r"(?is)\b(?:(?:following|accompanying|attached|above|below|given)\stable|tables?\s(?:is\s"
    r"|are\s)?(?:below|above|shown|given|provided)"
    r"|(?:shown|given|seen|listed|summari[sz]ed|presented|displayed)\sin\s(?:the\s)?(?:\w+\s)?table"
    r"|see\s(?:the\s)?table)\b(.*)$"
)
_NOT_TABLE = (
    r"(?i)\b(?:tilt(?:ing)?|operating|operation|examination|exam|on|or|inner|outer|life|kitchen"
    r"|dinner|procedure)[- ]tables?\b"
)
_LEAST_NUMBERS = 3
"""So many numbers or lines behind the reference are the table, or the values, themselves."""
_NOT_CHINESE = (
    r"[心脑肌胃眼][电动]图|超声心动图|心动图|图像引导|影像引导|图像处理|图像质量|手术台|试图|企图|意图|力图|图距|图谱|遗传图|地图|图书|以上表|上表[皮面现达]|下表[皮面达]"
    r"|可见表|体表|代表|发表|图式|拼图|画图|绘图"
)
_CHINESE = (
    r"如[上下左右附]?图|[上下左右附]图|[见据看由从][该此上下附]?图|图\s?\d+|图中|图示|图[甲乙丙A-D]|该图|此图|(?:图片|图像|照片|影像|切片"
    r"|示意图)[^。？?]{0,10}(?:如下|如上|所示|见下)"
    r"|(?:下列|以下|上述|该|此|这张)(?:图片|图像|照片|示意图)|箭头(?:所|处|指|标)"
)
_CHINESE_TABLE = (
    r"(?s)(?:[上下附]表(?:所|中|列|给|为|数据|里|[，。：:,\s]|$)|(?:见|如)[上下附]?表\s?(?:\d|[一二三四]|所示|中"
    r"|[）)，。：:,\s]|$)|根据[上下该此]表)(.*)$"
)
_IMAGE = "[image]"
"""What sources put where they show an image (`anessuite.sources.choices.IMAGE`)."""


def refers_to_figure(language: str) -> pl.Expr:
    """``refers_to_figure`` where a question speaks of an image or table that its text does not hold.

    ``language`` picks the patterns; a table counts as there if three numbers or lines follow.
    """
    stem = pl.col("question").str.replace_all(r"[ \t\x{a0}]+", " ")
    shows = (
        pl.col("question").str.contains(_IMAGE, literal=True)
        | pl.col("options")
        .list.eval(pl.element().struct.field("text").str.contains(_IMAGE, literal=True))
        .list.any()
    )
    found = _in_chinese(stem) if language == "zh" else _in_english(stem)
    return pl.when((shows | found).fill_null(value=False)).then(pl.lit(REASON))


def _in_english(stem: pl.Expr) -> pl.Expr:
    text = stem.str.replace_all(_NOT_ENGLISH, "~")
    tables = stem.str.replace_all(_NOT_TABLE, "~").str.replace_all(_NOT_ENGLISH, "~")
    return text.str.contains(_ENGLISH) | _is_bare(text, _AFTER_HERE) | _is_bare(tables, _TABLE)


def _in_chinese(stem: pl.Expr) -> pl.Expr:
    text = stem.str.replace_all(_NOT_CHINESE, "~")
    return text.str.contains(_CHINESE) | _is_bare(text, _CHINESE_TABLE)


def _is_bare(text: pl.Expr, pattern: str) -> pl.Expr:
    """Does a reference stand there with hardly a number behind it?"""
    after = text.str.extract(pattern, 1)
    return (after.str.count_matches(r"\d+|\n") < _LEAST_NUMBERS).fill_null(value=False)
