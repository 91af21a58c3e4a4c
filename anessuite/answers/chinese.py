"""Chinese cues."""

import re

from anessuite.answers.cues import cue
from anessuite.answers.statements import Tier

HAN = re.compile(r"[\u4e00-\u9fff]")
"""Without any of these characters, no Chinese cue can occur."""
_ONE_ZH = (
    r"的?(?:一?[项组句个]|选项|选择|说法|叙述|描述|表述|推测|诊断|治疗|处理|措施|方法|结论|药物|检查|病因"
    r"|原因|词语|顺序|句子|判断|做法){0,2}"
)
"""What is correct, or not: an option, a statement, a treatment ..."""
CHINESE = (
    cue(
        "answer",
        Tier.STATED,
        r"(?:答案|正解|(?:结论|结果|回答)(?=[\]:是为])|(?<![^\n])答(?=:))(?:选项)?[\"'\])} ]{0,3}(?:应当"
        r"|应该?|就|显然|很可能|最可能|必然|只能|也|便|则|都|均|一定|确定|仍|分别|可以){0,3}+(?:选(?!项)择?"
        r"|是|为|即|[:=→\n]|--?>?|=> ?| ){0,5}+",
        before_verb=True,
    ),
    cue(
        "answer",
        Tier.STATED,
        r"(?<![不未欠])(?:正确|最佳|最优|合适|恰当|妥当|准确|合理|最?符合[^,.;\n]{0,10}?|得体|贴切|适宜"
        rf"|最可能|可能性最大){_ONE_ZH}(?:应该?|就|只|也|显然|很?可能)?(?:[是为:]{{1,2}}|\]:?)",
    ),
    cue(
        "exception",
        Tier.HEDGED,
        r"(?:不正确|错误|有误|不合理|不恰当|不当|不对|不妥|不可能|不准确|无关|除外|例外|(?:不符合|不属于"
        rf"|不包括|不能|不利于|不宜|无法|没有)[^,.;:?\n]{{0,12}}?){_ONE_ZH}(?:应该?|就|只)?[是为]",
        ends=True,
    ),
    cue(
        "choice",
        Tier.STATED,
        r"(?<![不未误错勿别没免可备待挑入筛])(?<!(?<!应)当)(?:选择?|选定|选取)(?![项择题用修手举拔民自中])"
        r"(?:的?是|了|为|出)?[: ]?",
    ),
    cue("verdict", Tier.HEDGED, r"(?<!排除)(?<!除外)的(?:一项)?[是为]", ends=True),
    cue("choice", Tier.HEDGED, r"(?:可能|也许|或许|大概|似乎)(?:选择?|是|为)|倾向于?|应为|考虑", ends=True),
    cue(
        "conclusion",
        Tier.STATED,
        r"(?:因此|所以|故|综上(?:所述)?|因而|于是|(?<![a-z])可知|可见|由此可得|(?<=[,;])得|最终"
        r"|总之)[,:]?(?:应该?|就|只能|只有|仅)?[是为得]?",
        ends=True,
    ),
    cue("conclusion", Tier.HEDGED, r"(?:只剩下?|剩下的?(?:只有|就?是)?|锁定|即|对应的?是?)", ends=True),
)
