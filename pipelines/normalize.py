"""Clean text fields and the wording that versions are told apart by. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import cache
from typing import Literal

from pipelines.passing import lasting
from storage.articles.edits import WIDE

# A command string counts only with its end on the same line: else an opening one would take the rest of a page with it.
ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_](?:[^\x07\x1b\n]{0,1000}(?:\x07|\x1b\\))?|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]"
)
_BREAKS = re.compile("[\r\x0b\x0c\x85\u2028\u2029]")
# C0 and C1 controls, soft hyphen, zero-width and filler characters, bidi marks and overrides, tags, surrogates.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# ZWNJ and ZWJ are spelling in the Arabic and Indic scripts, and glue in emoji; anywhere else they are hidden noise.
_JOINED_SCRIPTS = (
    "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff\u1800-\u18aa\ufb50-\ufdff"
)
_JOINERS = re.compile(
    f"(?<![{_JOINED_SCRIPTS}\ufe0f\u2600-\u27bf\U0001f000-\U0001faff])[\u200c\u200d]+"
    f"|[\u200c\u200d]+(?![{_JOINED_SCRIPTS}\u2600-\u27bf\U0001f000-\U0001faff])"
    "|(?<=[\u200c\u200d])[\u200c\u200d]+"
)
_ANY_JOINER = re.compile("[\u200c\u200d]")
_PASSES = 4  # whether a joiner stays depends on its neighbours, and they on it
_SUSPECT = re.compile(
    r"[^\n -~\xa0-\xac\xae-\u02ff\u0370-\u0482\u048a-\u0588\u0621-\u06ff\u0900-\u109f\u2010-\u2027\u2030-\u205e\u20a0-\u20bf"
    r"\u3000-\u3163\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff9f]"
)
_ANY_WIDE = re.compile(f"[{WIDE}]")
_WORD = re.compile(r"\w+")
_WIDE_WORD = re.compile(f"[{WIDE}]|[^\\W{WIDE}]+")
_FOLDED = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u2039\u203a\u02bc\u00b4`\uff07", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\u301d\u301e\uff02", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-"),
    "\u2026": "...",
}
_FOLDABLE = re.compile(f"[{''.join(_FOLDED)}]")  # str.translate asks a dictionary for every character of a text


def clean_text(text: str) -> str:
    """NFC text without control, invisible or direction characters; lines single-spaced, empty ones dropped."""
    lines = (" ".join(line.split()) for line in _visible(_BREAKS.sub("\n", text)).split("\n"))
    return "\n".join(line for line in lines if line)


def clean_line(text: str, limit: int = 0) -> str:
    """`clean_text` on one line, cut to `limit` characters when it is not 0."""
    if limit and len(text) > 4 * limit:
        text = text[: 4 * limit]
    visible = text if text.isascii() and text.isprintable() else _visible(_BREAKS.sub("\n", text))
    line = " ".join(visible.split())
    return line[:limit].rstrip() if limit else line


def _visible(text: str) -> str:
    if not _SUSPECT.search(text):
        return composed(text, "NFC")
    text = _UNSEEN.sub("", ESCAPES.sub("", text))
    if not _ANY_JOINER.search(text):
        return composed(text, "NFC")
    for _ in range(_PASSES):
        before, text = text, composed(_JOINERS.sub("", text), "NFC")
        if text == before:
            return text
    return composed(_ANY_JOINER.sub("", text), "NFC")


def composed(text: str, form: Literal["NFC", "NFKC"]) -> str:
    """A normal form, with at most 30 marks on a letter (UAX 15): sorting them takes the square of their number."""
    if text.isascii():
        return text
    bounded = _without_heaps(text)
    normal = unicodedata.normalize(form, bounded)
    return normal if normal == bounded else _without_heaps(normal)  # some marks become two


def _without_heaps(text: str) -> str:
    suspected, heaped = _heaped_marks()
    return heaped.sub(r"\1", text) if suspected.search(text) else text


@cache
def _heaped_marks() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A fast pattern that finds every heap of more than 30 marks, but other things too, and the exact one."""
    marks = "".join(char for char in map(chr, range(0x300, 0x20000)) if unicodedata.combining(char))
    plane = "".join(char for char in marks if char <= "\uffff")
    # re finds what is in a set by a table up to U+FFFF, and beyond it by one comparison after the other: here with one range.
    likely = f"[{plane}\U00010000-\U0001ffff]"
    return re.compile(f"{likely}{likely}{{30}}"), re.compile(f"([{marks}]{{30}})[{marks}]+")


def wording(title: str | None, text: str) -> str:
    """Hex sha256 of title and text as read: white space and the variants of quotes and dashes folded, case kept.

    Lines that only tell a time or a count are left out.
    """
    whole = _plain_quotes(f"{title or ''}\n{lasting(text)}")
    folded = _plain_quotes(composed(" ".join(whole.split()), "NFKC"))
    return hashlib.sha256(folded.encode("utf-8", "replace")).hexdigest()


def _plain_quotes(text: str) -> str:
    return _FOLDABLE.sub(lambda match: _FOLDED[match[0]], text)


def fold(text: str) -> str:
    """Letters and digits only, case folded: for comparing titles and names."""
    return " ".join(_WORD.findall(composed(text, "NFKC").casefold()))


def words_in(text: str) -> int:
    """Number of words; in scripts without spaces each character counts."""
    return len((_WIDE_WORD if _ANY_WIDE.search(text) else _WORD).findall(text))
