"""English cues, and the words that other patterns share with them."""

from anessuite.answers.cues import cue
from anessuite.answers.statements import Tier

ADVERB = r"(?:[a-z]{2,15}ly|therefore|thus|hence|then|indeed|here|also|still|now|in fact)"
"""One adverb."""
SORT = r"vitamin|hepatitis|types?|subtypes?|serotype|groups?|class|grade|strain|factor|virus"
"""Before a letter that names a kind of thing: ``hepatitis C``."""
_NOUN = (
    r"(?:answers?|ans|correct|best|(?:correct|right|best|final|chosen|selected|predicted|appropriate"
    r"|suitable|my|closest|preferred|most likely) ?(?:option|choice|letter|response|selection|pick|match"
    r"|fit|one)s?|(?<!of )choice|option chosen|conclusion|verdict|decision|prediction|selection|pick|key"
    r"|guess|result|solution|response|correction|letter(?=[\"']))"
)
"""What may be followed by a colon: ``Answer: C``."""
_THING = (
    r"(?:answers?|guess|solution|(?:correct|right|final|chosen|preferred|[a-z]{1,12}est|most [a-z]{3,20}"
    r"|only [a-z]{3,20}|only)(?: [a-z]{1,20}){0,2}? (?:option|choice|letter|response|selection|statement"
    r"|match|fit|one|pick|alternative)s?)"
)
"""What may be followed by a verb: ``the answer is C``."""
_ASIDE = (
    r"(?:,? (?:choice|option|letter|to|for|here|in|among|amongst|from|of|based|given|according|on|with|out|"
    r"(?:that|which|i|you|we)(?: (?:is|are|was|am))?)(?![a-z])[^.\n?!;:]{0,60}?)?(?: \([^()\n]{0,30}\))?"
)
"""Between that and the verb."""
_IS = (
    rf"(?: (?:is|are|was|were|(?:would|should|must|will|has to|ought to|seems to|appears to|can only"
    rf"|turns out to)(?: {ADVERB})? be|seems|appears|remains|becomes|being)|'s| ?[:=])"
)
"""The verb."""
ENGLISH = (
    cue(
        "answer",
        Tier.STATED,
        rf"(?<![a-z]){_NOUN}(?: ?(?:choice|option|letter|key|index|idx|label|number))?(?: to [^:\n]{{0,40}}"
        r"| (?:&|and|with) (?:explanation|rationale|reasoning))?"
        r"(?: ?\([^()\n]{0,30}\))?(?: \d{1,3})?[\"'\]) ]{0,3}(?:[:=→|]|- ?>?|=>)|(?<![a-z])ans\. ?|(?:\A"
        r"|\n)ans(?:wer)?\.? ?(?=\([a-z]\))|(?:\A|(?<=\n)|(?<=[.!] ))answer (?=[a-z](?:[.\n]|\Z))|(?:\A"
        r"|\n)[^a-z\n]{0,6}(?:the |my )?(?:final |correct |best )?(?:answer|conclusion|choice)[ :.]{0,2}\n",
        before_verb=True,
    ),
    cue(
        "answer",
        Tier.STATED,
        rf"(?<![a-z])(?:(?:the|my|so|final|correct|best|right) ){{0,4}}{_THING}{_ASIDE}"
        rf"(?:,? {ADVERB},?)?{_IS}",
    ),
    cue("answer", Tier.HEDGED, rf"(?<![a-z])(?:could|might|may)(?: {ADVERB})? be(?= )", ends=True),
    cue(
        "choice",
        Tier.STATED,
        r"(?<![a-z])(?:choos(?:e|ing)|chosen?|select(?:ing|ed)?|pick(?:ing|ed)?|go(?:ing)? (?:with|for)"
        r"|went with|opt(?:ing|ed)? for|settl(?:e|ed|ing) (?:on|for)|decid(?:e|ed|ing) on|vot(?:e|ing)"
        r"(?: for)?|bet on|meant?|lean(?:ing)? (?:towards?|to)|narrow(?:s|ed)? (?:it |this )?down to"
        r"|left with|leaves?(?: us with)?|leaving(?: us with)?|(?:i(?:'d| would|'ll| will)?|we(?:'d|'ll"
        r"| can| would)?) (?:think|believe|say|guess|suspect|answer|conclude)(?: that)?(?: it'?s| it is"
        r"| it must be| it would be)?)(?: only)?(?=[ :\n])",
    ),
    cue(
        "conclusion",
        Tier.STATED,
        r"(?:\A|(?<=[.\n;,:?!(→])|(?<=[.\n;,:?!(→] ))(?:so|thus|therefore|hence|ergo|accordingly"
        r"|consequently|overall|finally|final|tl;dr|=>|→|no|wait|actually|sorry|rather|in (?:conclusion"
        r"|summary|short)|to (?:conclude|summari[sz]e)|as a result)[,:]?(?: (?:only|just|probably|likely"
        r"|(?:it|this|that|we)(?:'s| is| must be| has to be| should be| get| have)"
        rf"|{ADVERB})){{0,2}}(?=[ \n:(])",
        ends=True,
    ),
    cue(
        "match",
        Tier.REMARKED,
        r"(?<![a-z])(?:(?:it|this|that|which|these|they|findings?|picture|presentation)(?:'s| is| are"
        r"| must be| would be| has to be| should be| match(?:es)?| corresponds? to| fits?| points? to"
        r"| supports?| suggests?| indicates?| aligns? with| favou?rs?| describes?)|consistent with|matches"
        r"|corresponds to|best (?:fits?|match(?:es)?)(?: is| with| by)?)(?= )",
        ends=True,
    ),
    cue(
        "verdict",
        Tier.HEDGED,
        r"(?<![a-z])(?:most|best|likeliest|closest|next|initial|true|correct|right|appropriate|likely"
        rf"|diagnosis|treatment|drug|agent|cause|choice)(?:[ -](?!(?:{SORT}|not|than|is"
        r"|are)(?![a-z]))[a-z'-]{1,20}){0,14}?(?: (?:is|would be|are|remains)(?= |:)|:)",
        ends=True,
    ),
    cue(
        "exception",
        Tier.HEDGED,
        r"(?<![a-z])(?:exception|odd one out|(?:incorrect|false|untrue|inaccurate|wrong|least [a-z]{3,20}) "
        r"(?!answer|choice)(?:[a-z]{3,20} ?){1,2}|(?:option|statement|choice|one|answer|drug|agent"
        r"|condition)s? (?:that|which) (?:is|does|are|do|has|was|would|can) ?(?:not|n't"
        r"|least)[^.\n?!;:]{0,60}?) ?(?<= )(?:is|are|would be)"
        rf"(?: {ADVERB},?)?(?= )",
        ends=True,
    ),
)
