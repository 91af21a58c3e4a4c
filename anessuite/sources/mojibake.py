"""Text that was decoded in the wrong way, put right where that is sure.

>>> mended("the patientâ€™s cafÃ©, 5 Â°C")
'the patient’s café, 5 °C'
"""

import re

_CP1252 = {byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0xA0)}
_BYTES = {ord(sign): byte for byte, sign in _CP1252.items() if sign != "\ufffd"} | {
    code: code for code in range(0x80, 0x100)
}
"""What Windows shows for a byte, back to the byte; bytes that it knows no sign for are controls."""
_SIGNS = "".join(map(re.escape, (chr(code) for code in sorted(_BYTES))))
_BYTE = f"[{_SIGNS}]"
_SECOND = "[" + "".join(re.escape(chr(code)) for code, byte in sorted(_BYTES.items()) if byte < 0xC0) + "]"
_DAMAGED = re.compile(
    f"[\u00c2-\u00df]{_SECOND}|[\u00e2\u00ef]{_SECOND}{{2}}|(?:[\u00e3-\u00e9]{_SECOND}{{2}}){{2,}}"
    f"|[\u00f0-\u00f4]{_SECOND}{{3}}"
)
"""UTF-8 of one character, each of its bytes shown as Windows would; of two or more where it is Chinese, since
an é before two signs could be one."""
_PLAUSIBLE = re.compile(
    "[\u00a0-\u024f\u0370-\u03ff\u2000-\u22ff\u2460-\u25ff\u2b00-\u2bff\u3000-\u303f\u4e00-\u9fff"
    "\uff00-\uffef\ufb00-\ufb06\ufeff\ufffd]+|[\U0001d400-\U0001d7ff]"
)
_HAN = re.compile("[\u3400-\u9fff]")
_LEAST_HAN = 6
"""In the damaged text; two or four characters of good text may be UTF-8 by chance (the name 联通 is)."""


def mended(text: str) -> str:
    """``text`` with UTF-8 that was read as Windows-1252, or Chinese that was read as GBK, put right.

    Only what re-encodes exactly, into characters that exams use, is changed; all else stays.
    """
    if text.isascii():
        return text
    for _ in range(2):  # some texts went through it twice
        better = _DAMAGED.sub(_decoded, text)
        if better == text:
            break
        text = better
    return _from_gbk(text) if _HAN.search(text) else text


def _decoded(found: re.Match[str]) -> str:
    try:
        sign = bytes(_BYTES[ord(character)] for character in found[0]).decode("utf-8")
    except UnicodeDecodeError:
        return found[0]
    return sign.replace("\ufeff", "") if _PLAUSIBLE.fullmatch(sign) else found[0]


def _from_gbk(text: str) -> str:
    if len(_HAN.findall(text)) < _LEAST_HAN:
        return text
    try:
        better = text.encode("gb18030").decode("utf-8")
    except UnicodeError:
        return text
    return better if len(_HAN.findall(better)) >= _LEAST_HAN // 2 else text
