"""Lines among the blocks of a story that are none of it, told by lists of phrases and by where they stand. Pure.

Rules here know no site and no class: only what lines say (`pipelines/words`), how much of them is linked, and their neighbours.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from pipelines import lines
from pipelines.blocks import Block, Blocks
from pipelines.characters import TERMINAL
from pipelines.normalize import fold

OTHERS = ("also_read", "more_from")  # labels of links to other stories
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_INVITATIONS = ("prompts", "paywall_notices")
_COVER = 0.18  # share of a line that the words of an invitation take
_SHORT = 160  # characters: credits, labels, headlines of other stories
_LINE = 260  # characters: invitations, notices
_SENTENCE = 120  # characters: one short sentence
_LINKED = 0.7  # share of a line's characters: it is a link
_REPEATS = 3
_LINK_LABEL = 30  # characters: a link that says what it does, not where it leads
_QUOTE = 30  # characters; a pull quote has more
_LONGEST = 5_000  # characters; a heading of more is none
_QUOTES = " \"“”„«»‘’'.…‹›「」『』"
_ABOVE = 15  # blocks: so far above the text may the label of a box stand that holds some of it
_MANY = 400  # lines
_PART = 0.35  # share of the text: so much of it is no box of other stories
_EDGE = 4  # lines at the beginning and at the end where bylines and lines on authors stand
_COLON = re.compile(r"\s*[:：›»→▶►>|–—-]")
_COUNT = re.compile(r"[\s\d().:,\[\]（）件条個개+-]*$")
_TERMINAL = re.compile(f"[{TERMINAL}][\"”»'’)\\]」』“›]*$")
_YEAR = re.compile(r"(?:19|20)\d\d")
_CONTACT = re.compile(r"[\w.+-]{1,64}@[\w-]+\.\w")
_NO_LETTER = re.compile(r"[\W_]+$")


@dataclass(slots=True)
class _Text:
    """The blocks that were taken, and what their rules need to know."""

    page: Blocks
    taken: list[int]
    title: str
    authors: tuple[str, ...]

    def block(self, index: int) -> Block:
        return self.page.blocks[index]

    def size(self) -> int:
        return sum(len(self.block(index).text) for index in self.taken)


def without(page: Blocks, taken: list[int], title: str, authors: tuple[str, ...]) -> list[int]:
    """The blocks that are left of those taken, by number."""
    text = _Text(page, taken, fold(title), tuple(name for author in authors if (name := fold(author))))
    for rule in (_repeated, _next_story, _comments, _labels, _boxes_of_others, _asking, _plain_noise, _quoted, _leading, _edges):
        dropped = rule(text)
        text.taken = [index for index in text.taken if index not in dropped]
    return text.taken


def _repeated(text: _Text) -> set[int]:
    """What stands three times on a page, in boxes of its own, is a notice or an invitation; the title is told elsewhere."""
    counts = Counter(block.text for block in text.page.blocks)
    places: dict[str, set[int]] = {}
    for index in text.taken:
        block = text.block(index)
        places.setdefault(block.text, set()).add(text.page.boxes[block.box].parent)
    return {index for index in text.taken if _says_nothing(text, text.block(index), counts, places)}


def _says_nothing(text: _Text, block: Block, counts: Counter[str], places: dict[str, set[int]]) -> bool:
    if len(block.text) > _LONGEST and text.page.boxes[block.box].tag in _HEADINGS:
        return True
    if _is_link(block) and len(block.text) < _LINK_LABEL:
        return counts[block.text] >= _REPEATS
    repeated = len(block.text) > 20 and len(places[block.text]) >= _REPEATS
    is_title = len(block.text) <= 2 * len(text.title) + 20 and fold(block.text) == text.title
    return repeated or is_title or _NO_LETTER.match(block.text) is not None


def is_label(line: str) -> bool:
    """Whether a line is nothing but a label of other stories."""
    if len(line) >= 80:
        return False
    bare = lines.bare(line)
    return any(not bare[lines.taken(bare, name) :].strip(lines.END) for name in lines.told(bare, OTHERS))


def _boxes_of_others(text: _Text) -> set[int]:
    """All that stands in a box that begins with a label of other stories, as long as that is a small part of the text."""
    within = range(max(0, text.taken[0] - _ABOVE), text.taken[-1]) if text.taken else ()
    labels = [index for index in within if is_label(text.block(index).text)]
    if not labels:
        return set()
    around = {index: _around(text.page, text.block(index).box) for index in text.taken}
    sizes = Counter[int]()
    for index, boxes in around.items():
        for box in boxes:
            sizes[box] += len(text.block(index).text)
    first, most = _first_blocks(text.page), _PART * text.size()
    others = set[int]()
    for index in labels:
        small = [box for box in _around(text.page, text.block(index).box) if first[box] == index and sizes[box] < most]
        others.update(small[-1:])
    return {index for index, boxes in around.items() if not others.isdisjoint(boxes)}


def _around(page: Blocks, box: int) -> list[int]:
    """The boxes around a place, the innermost first."""
    found = []
    while box >= 0:
        found.append(box)
        box = page.boxes[box].parent
    return found


def _first_blocks(page: Blocks) -> dict[int, int]:
    """Per box, the number of its first block."""
    first: dict[int, int] = {}
    for index, block in enumerate(page.blocks):
        box = block.box
        while box >= 0 and box not in first:
            first[box] = index
            box = page.boxes[box].parent
    return first


def _comments(text: _Text) -> set[int]:
    """All that follows a heading of comments below most of the text; what stands in one box with that only at its end."""
    total, before = text.size(), 0
    starts = iter(text.taken)
    at = next(starts, None)
    for index, block in enumerate(text.page.blocks[: text.taken[-1] + 1] if text.taken else ()):
        while at is not None and at < index:
            before += len(text.block(at).text)
            at = next(starts, None)
        if len(block.text) < 40 and 2 * before > total and _is_comment_head(block.text):
            parents = {number: text.page.boxes[text.block(number).box].parent for number in text.taken}
            above = {parent for number, parent in parents.items() if number < index and 4 * before < 3 * total}
            return {number for number, parent in parents.items() if number >= index and parent not in above}
    return set()


def _is_comment_head(line: str) -> bool:
    bare = lines.bare(line).lstrip("0123456789 ")
    size = lines.taken(bare, "comment_heads")
    return bool(size) and _COUNT.match(bare[size:]) is not None


def _next_story(text: _Text) -> set[int]:
    """All that follows the headline of another story, on pages that go on with it: an h1 below the story's own and below text.

    A page where some h1 was taken, or where the first is not its title, uses them for something else.
    """
    heads = [index for index, block in enumerate(text.page.blocks) if text.page.boxes[block.box].tag == "h1"]
    if len(heads) < 2 or not _alike(fold(text.block(heads[0]).text), text.title) or not set(heads).isdisjoint(text.taken):
        return set()
    for head in heads:
        above = sum(len(text.block(index).text) for index in text.taken if index < head)
        if above > _LINE and not _alike(fold(text.block(head).text), text.title):
            return {index for index in text.taken if index > head}
    return set()


def _alike(one: str, other: str) -> bool:
    words, others = set(one.split()), set(other.split())
    return bool(words) and 2 * len(words & others) >= len(words | others)


def _labels(text: _Text) -> set[int]:
    """"Also read: headline", and a label alone with the links or headlines below it.

    Below a label that was not taken itself, which may be that of a button, headlines go at the end of the text alone.
    """
    dropped: set[int] = set()
    taken, last = set(text.taken), _last_sentence(text)
    below = False  # of a label
    for index in range(text.taken[0], text.taken[-1] + 1) if text.taken else ():
        block = text.block(index)
        if index not in taken:
            below = below or (index > last and is_label(block.text))
        elif _leads_away(block):
            dropped.add(index)
            below = is_label(block.text)
        elif below and (_is_link(block) or _is_headline(block)):
            dropped.add(index)
        else:
            below = False
    return dropped


def _last_sentence(text: _Text) -> int:
    return next((index for index in reversed(text.taken) if _TERMINAL.search(text.block(index).text)), -1)


def _leads_away(block: Block) -> bool:
    bare = lines.bare(block.text) if len(block.text) < _LINE else ""
    for name in lines.told(bare, OTHERS):
        size = lines.taken(bare, name)
        rest = bare[size:]
        if not rest.strip(lines.END) or _is_link(block) or block.linked >= 0.9 * len(rest.strip(lines.END)):
            return True
        if (bare[size - 1] == ":" or _COLON.match(rest)) and (block.linked or not _TERMINAL.search(rest)):
            return True
    return False


def _is_link(block: Block) -> bool:
    return block.linked >= _LINKED * len(block.text)


def _is_headline(block: Block) -> bool:
    """A short line that does not end as a sentence."""
    return len(block.text) < _SHORT and not _TERMINAL.search(block.text)


def _plain_noise(text: _Text) -> set[int]:
    """Credits, times, notices, invitations and legal lines."""
    last = _last_prose(text)
    beside = Counter(text.block(index).box for index in text.taken) + Counter(
        text.page.boxes[text.block(index).box].parent for index in text.taken
    )
    return {index for index in text.taken if _is_noise(text.block(index), tail=index > last or _is_alone(text, index, beside))}


def _is_alone(text: _Text, index: int, beside: Counter[int]) -> bool:
    """Whether a short line stands in a box that has nothing else of the text."""
    block = text.block(index)
    return len(block.text) <= _SENTENCE and beside[text.page.boxes[block.box].parent] < 2


def _asking(text: _Text) -> set[int]:
    """What asks for consent, what stands in one box with it, and talk of cookies apart from the story.

    All is kept where the title tells of such things.
    """
    if not lines.tells_of_cookies("\n".join(text.block(index).text for index in text.taken).lower()):
        return set()
    bares = {index: lines.bare(text.block(index).text) for index in text.taken}
    cookies = {index for index, bare in bares.items() if lines.tells_of_cookies(bare)}
    if not cookies or lines.consent_words(text.title):
        return set()
    boxes = {index: text.page.boxes[text.block(index).box].parent for index in text.taken}
    sizes = Counter[int]()
    for index, box in boxes.items():
        sizes[box] += len(text.block(index).text)
    (main, _), *_ = sizes.most_common(1)
    apart = {index for index in cookies if boxes[index] != main and "cookies" in lines.consent_words(bares[index])}
    asking = apart | {index for index in cookies if lines.asks_for_consent(bares[index])}
    beside = {index for index in text.taken if boxes[index] in {boxes[number] for number in asking}}
    least = 1 if len(beside) < len(text.taken) // 2 else 2
    return asking | {index for index in beside if len(lines.consent_words(bares[index])) >= least}


def _quoted(text: _Text) -> set[int]:
    """Pull quotes: short lines that a longer one says too. A page of very many lines is left as it is."""
    short = [index for index in text.taken if _QUOTE < len(text.block(index).text) <= _SHORT][:_MANY]
    if not short:
        return set()
    said = "\n".join([text.block(index).text for index in text.taken if len(text.block(index).text) > _SHORT][:_MANY])
    return {index for index in short if text.block(index).text.strip(_QUOTES) in said}


def _last_prose(text: _Text) -> int:
    """The last long line that no list of notices knows."""
    return next((index for index in reversed(text.taken) if _is_prose(text.block(index))), -1)


def _is_prose(block: Block) -> bool:
    return len(block.text) > _SHORT and not _is_noise(block, tail=True)


def _is_noise(block: Block, *, tail: bool) -> bool:
    line = block.text
    bare = lines.bare(line)
    begun = lines.told(bare, ("credits", "times", "external_content", "legal_tails"))
    if "credits" in begun and len(line) < (50 if _TERMINAL.search(line) else _SHORT) and _named(bare, "credits"):
        return True
    if "times" in begun and len(line) < 100 and any(map(str.isdigit, line)) and not _TERMINAL.search(line):
        return True
    if "external_content" in begun or line.startswith("©") or ("©" in line and len(line) < _SENTENCE and _YEAR.search(line)):
        return True
    if tail and "legal_tails" in begun and (len(line) <= _SENTENCE or _named(bare, "legal_tails")):
        return True
    return _invites(block, bare, tail=tail)


def _named(bare: str, name: str) -> bool:
    """Whether the phrase is followed by a colon or a stroke, or is the whole line."""
    size = lines.taken(bare, name)
    rest = bare[size:]
    return bare[size - 1] == ":" or not rest.strip(lines.END) or _COLON.match(rest) is not None or rest.strip()[:1] in ("/", "©")


def _invites(block: Block, bare: str, *, tail: bool) -> bool:
    """An invitation to subscribe, follow, comment or pay: linked, behind a symbol, or a short one at the end of the text."""
    symbol = not block.text[0].isalnum() and block.text[0] not in "\"“„«‘'—–-「『(¿¡"
    marked = symbol or block.linked >= 0.3 * len(block.text)
    if len(bare) > _LINE or not (marked or tail):
        return False
    cover = lines.cover(bare, _INVITATIONS)
    return cover > 0 if marked else cover >= _COVER


def _leading(text: _Text) -> set[int]:
    """Short lines before the first sentence that stand elsewhere on the page too: headlines of other stories, names of sections."""
    first = next((index for index in text.taken if _is_sentence(text.block(index))), None)
    if first is None:
        return set()
    counts = Counter(block.text for block in text.page.blocks)
    before = [index for index in text.taken if index < first and _is_headline(text.block(index))]
    return {index for index in before if counts[text.block(index).text] > 1}


def _is_sentence(block: Block) -> bool:
    return len(block.text) > _QUOTE and _TERMINAL.search(block.text) is not None


def _edges(text: _Text) -> set[int]:
    """Bylines, and what stands beside them, at the beginning; names and lines on the authors at the end."""
    first, last = text.taken[:_EDGE], text.taken[-_EDGE:]
    bylines = [place for place, index in enumerate(text.taken) if index in {*first, *last} and _is_byline(text, index)]
    dropped = {text.taken[place] for place in bylines}
    dropped |= {text.taken[at] for place in bylines for at in range(place + 1, _EDGE) if _is_role(text, at)}
    dropped |= {index for index in {*first[:1], *last[-2:]} if _is_on_author(text, index)}
    dropped |= {index for index in last[-2:] if index and fold(text.block(index - 1).text) in text.authors}
    dropped |= {index for index in {*first, *last} if _is_contact(text.block(index))}
    below = next((place for place in bylines if place >= max(_EDGE, len(text.taken) - 3)), None)
    return dropped | (set(text.taken[below:]) if below is not None else set())


def _is_byline(text: _Text, index: int) -> bool:
    line = text.block(index).text
    if len(line) > 100 or _TERMINAL.search(line):
        return False
    rest = said = fold(line)
    for name in text.authors:
        rest = rest.replace(name, " ")
    return rest != said and len(rest.split()) <= 4


def _is_role(text: _Text, place: int) -> bool:
    """A short line below a byline."""
    line = text.block(text.taken[place]).text if place < len(text.taken) else ""
    return 0 < len(line) < 60 and not _TERMINAL.search(line)


def _is_contact(block: Block) -> bool:
    return len(block.text) < _SHORT and _CONTACT.search(block.text) is not None


def _is_on_author(text: _Text, index: int) -> bool:
    """A sentence that begins with the author's name, and is not what the story is about."""
    if len(text.block(index).text) > 3 * _LINE:
        return False
    said = fold(text.block(index).text[:80])
    return any(said.startswith(name + " ") and name not in text.title for name in text.authors if " " in name)
