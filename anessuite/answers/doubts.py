"""What stands before a statement and takes it back: it is denied, supposed, quoted, or told of others."""

import re

from anessuite.answers.reply import SENTENCE, Reply

_LONGEST_CLAUSE = 80
"""Characters before a statement that are looked at for the clause that it ends."""
_SET_IF = r"(?! (?:forced|pressed|required|compelled|only one|asked to|(?:i|we|you|one)(?![a-z])))"
"""After ``if``, unless it supposes nothing: ``if I have to choose``."""
_DOUBTED = re.compile(
    rf"(?<![a-z])(?:if{_SET_IF}|whether|unless"
    r"|suppos(?:e|ing)|assum(?:e|ing)|imagine|neither|nor|none|not(?! (?:hard|difficult|surpris|only|just"
    r"|unreason))|cannot|never|(?:do|does|did|is|are|was|would|could|should|ca|wo)n't|(?:might|may|could"
    r"|would|tempt[a-z]*) (?:to )?(?:think|say|argue|assume|believe|choose|pick|select|suggest|expect)"
    r"|tempt(?:ed|ing)|mistake[a-z]*|misconception|incorrectly|wrongly|(?:incorrect|wrong|false)(?= \Z)"
    r"|some (?:people|would|may|might|sources)|many (?:people|would)|students?|distractor|trap|formats?"
    r"|form of|last line|e\.g|for (?:example|instance)|such as|like(?! to)|template|instead of|rather than"
    r"|than|previous(?:ly)?|otherwise|initial(?:ly)?|first (?:thought|guess|instinct)|could be argued"
    r"|(?:he|she|they|colleagues?|friends?|teachers?|authors?) (?:says?|said|claims?|thinks?|argues?))"
    r"(?![a-z])|如果|若|假[如设]|倘若|要是|即使|是否|并非|不是|例如|比如|格式|有人|很多人|不少人|考生|同学"
    r"|学生|常见错误|容易(?!看|得|知|判断|推)|不(?:能|应该?|可以?|会|要|宜|建议|再|该)$|如$"
)
"""Before an announcement, in its clause: it is denied, supposed, quoted or told of others."""
_CLAUSE = re.compile(
    r"[.;!?\n,:]|(?<![a-z])(?:but|so|therefore|thus|hence|because|and|then|however|yet)(?![a-z])|所以|因此"
    r"|因而|故|而|但"
)
"""What ends a clause."""
_SENTENCES = re.compile(r"[.!?\n]")
"""What ends a sentence."""
_EXAMPLE = re.compile(r"(?:example|for instance|e\.g\.?|formats?|例如|比如|格式)[,:]? ?[\"'\\\[]{0,2}\Z")
"""Right before an announcement: it is an example."""
_SUPPOSED = re.compile(
    r"(?<![a-z])(?:if|had)(?![a-z])[^.!?\n]{0,150}(?<![a-z])(?:were|had|was|wasn't|did|didn't|asked)"
    r"(?![a-z])(?! to)|(?<![a-z])were (?:this|it|the|he|she)(?![a-z])"
)
"""Before ``would be``, in its sentence: all of it is supposed."""
_IF_THEN = re.compile(
    rf"(?<![a-z])if(?![a-z]){_SET_IF}[^.!?;\n]{{0,150}}(?:,|[ ,]then)(?: the| i| you| we)?(?: would"
    r"| should)? ?\Z|(?:如果|若|假[如设]|倘若|要是)(?!我们|一定|必须|非要|硬要)[^.!?;\n]{0,100}(?:[,则就]"
    r"|那么|可以?)(?:正确|应该?|该)?\Z"
)
"""Before an announcement, in its sentence: it depends on a condition."""


def is_doubted(reply: Reply, start: int, cue: str = "") -> bool:
    """Whether a statement at ``start`` is taken back; ``cue`` are the words that announce it."""
    before = reply.lower[max(0, start - _LONGEST_CLAUSE) : start]
    clause = before[max((match.end() for match in _CLAUSE.finditer(before)), default=0) :]
    if _DOUBTED.search(clause) or _EXAMPLE.search(before):
        return True
    sentence = _SENTENCES.split(reply.lower[max(0, start - SENTENCE) : start])[-1]
    is_supposed = "would" in cue and _SUPPOSED.search(sentence) is not None
    return is_supposed or _IF_THEN.search(sentence) is not None
