"""Each rule for lines that are none of a story, beside real sentences that look like them and stay."""

import pytest

from pipelines.blocks import blocks_of
from pipelines.noise import is_label, without
from pipelines.tree import parse

PROSE = (
    (
        "The bridge will be closed all summer, its keeper said on Monday, because two of its piers have to be set "
        "anew. Drivers are asked to take the ford below the mill, which is open at low water."
    ),
    (
        "The council had put the work off for eleven years, and the river has not waited for its vote. Nobody "
        "knows yet what it will cost; the last estimate was drawn up before the flood of the spring."
    ),
    (
        "At the inn on the other bank they say that guests have always come late and stayed longer than they "
        "meant. A ferry is to sail each hour until the autumn, with room for twenty people and as many bicycles."
    ),
    (
        "The ferryman has not been asked. He has sailed for thirty years, in fog and in ice, and holds that a "
        "bridge is a thing for people who are in a hurry, of whom he has met a good many and envied none."
    ),
)
STORY = "".join(f"<p>{line}</p>" for line in PROSE)
BEGINNING, END = "".join(f"<p>{line}</p>" for line in PROSE[:2]), "".join(f"<p>{line}</p>" for line in PROSE[2:])


def left(html, title="The bridge is closed", authors=()):
    """What is left of a page of which every block was taken, apart from headlines (h1)."""
    page = blocks_of(parse(html))
    taken = [index for index, block in enumerate(page.blocks) if page.boxes[block.box].tag != "h1"]
    return [page.blocks[index].text for index in without(page, taken, title, authors)]


def beside(html, **known):
    """What is left of a piece in the middle of a story, and of the same at its end."""
    middle, end = left(BEGINNING + html + END, **known), left(STORY + html, **known)
    assert [line for line in middle if line in PROSE] == list(PROSE)
    assert [line for line in end if line in PROSE] == list(PROSE)
    return [line for line in middle if line not in PROSE], [line for line in end if line not in PROSE]


def test_a_story_stays_whole():
    """Where nothing is noise, nothing is dropped."""
    assert left(STORY) == list(PROSE)
    assert left("<img src=a>") == []


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("A notice of more than twenty letters", 0),
        ("<a href=/x>Share</a>", 0),
        ("— Yes.", 3),
        ("", 0),
    ],
)
def test_what_stands_three_times_is_a_notice(line, kept):
    """Long lines and links that stand thrice go; answers of a word may repeat."""
    html = (
        f"<p>{PROSE[0]}</p><p>{line}</p><p>{PROSE[1]}</p><p>{line}</p><p>{PROSE[2]}</p><p>{line}</p><p>{PROSE[3]}</p>"
    )
    assert len(left(html)) == 4 + kept


def test_what_stands_twice_may_be_meant():
    """Two are no notice."""
    line = "The river does not wait for anybody."
    assert left(f"<p>{line}</p>{STORY}<p>{line}</p>").count(line) == 2


def test_the_title_is_told_elsewhere():
    """In any case and with any marks; a line that says more stays."""
    html = "<h2>„The Bridge is closed!“</h2><p>The bridge is closed until the autumn, says its keeper.</p>" + STORY
    assert left(html)[0].endswith("keeper.")


@pytest.mark.parametrize("line", ["* * *", "———", "___", "•", "…"])
def test_lines_without_a_letter_go(line):
    """Ornaments are no text."""
    assert beside(f"<p>{line}</p>") == ([], [])


@pytest.mark.parametrize("line", ["42", "Ω", "第3章はここまで"])
def test_lines_with_a_letter_or_number_stay(line):
    """However short they are."""
    assert beside(f"<p>{line}</p>")[0] == [line]


HEADLINE = "Ferry sails without its captain"


@pytest.mark.parametrize(
    "label",
    [
        "Also read:",
        "Read more",
        "Lire aussi :",
        "Lesen Sie auch:",
        "Lea también:",
        "Leggi anche",
        "Читайте также:",
        "関連記事",
        "Les også:",
    ],
)
def test_labels_go_with_the_links_behind_and_below_them(label):
    """In one line, as a label above links, and as a linked line, in the middle and at the end."""
    assert beside(f'<p>{label} <a href="/n">{HEADLINE}</a></p>') == ([], [])
    assert beside(f"<p><b>{label}</b></p><p><a href=/n>{HEADLINE}</a></p><p><a href=/m>Mill sold again</a></p>") == (
        [],
        [],
    )
    assert beside(f"<p><a href=/n>{label} {HEADLINE}</a></p>") == ([], [])


@pytest.mark.parametrize(
    "line",
    [
        "Also read out in court were the letters of the ferryman, who had kept them for thirty years.",
        "Read more books, the teacher told them, and fewer letters of lawyers.",
        "Lire aussi longtemps à voix haute fatigue, dit la lectrice du village.",
        "Mehr als zwanzig Leute standen am Ufer, als die Fähre endlich kam.",
        "Читайте также вслух, советует учительница из посёлка, и не спешите.",
    ],
)
def test_sentences_that_begin_like_labels_stay(line):
    """What ends as a sentence, without a link or colon behind the words, is the author's own."""
    assert beside(f"<p>{line}</p>") == ([line], [line])


def test_what_follows_a_label_is_text_from_the_first_sentence_on():
    """Only links and headlines below a label go; the text goes on."""
    after = "But the ferryman, asked on Tuesday, said that he had never promised anything of the kind."
    html = f"{BEGINNING}<p>Also read:</p><p>{HEADLINE}</p><p>{after}</p><p><a href=/r>The report</a></p>{END}"
    assert left(html) == [*PROSE[:2], after, "The report", *PROSE[2:]]


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("Also read", True),
        ("» ALSO READ …", True),
        ("More from:", True),
        ("Also read the report", False),
        ("関連記事", True),
        ("", False),
        ("also read " * 20, False),
    ],
)
def test_a_label_is_nothing_but_one(line, is_one):
    """Apart from marks around it."""
    assert is_label(line) == is_one


def test_a_box_that_begins_with_a_label_goes():
    """With teasers that end as sentences, as long as it is a small part of the text."""
    teaser = "The captain had been asleep, as it turned out, and the ferry knew the way by itself."
    box = f"<div><h3>Also read</h3><div><p>{HEADLINE}</p><p>{teaser}</p></div></div>"
    assert beside(box) == ([], [])
    assert teaser in left(f"<p>{PROSE[0][:110]}</p>{box}")


def test_a_box_with_a_label_further_down_stays():
    """What stands in a box before the label is of the story."""
    own = "The piers were set by the grandfather of the man who now has to take them down."
    assert beside(f"<div><p>{own}</p><h3>Also read</h3><p><a href=/n>{HEADLINE}</a></p></div>") == ([own], [own])


@pytest.mark.parametrize(
    "head", ["Comments", "Comments (12)", "3 Comments", "Kommentare", "Комментарии (4)", "コメント（3件）"]
)
def test_comments_go_with_all_that_follows(head):
    """Behind most of the text, a heading of comments ends it."""
    assert left(
        f"{STORY}<h3>{head}</h3><p>I have always said so, and nobody wanted to hear it.</p><p>Me too!</p>"
    ) == list(PROSE)


@pytest.mark.parametrize("line", ["Comments of the mayor were not printed.", "Comments by the mayor"])
def test_a_heading_that_tells_more_ends_nothing(line):
    """Comments that the story tells of are no comments below it."""
    after = "He had written them in the margin of the vote, as he does each year."
    assert left(f"{STORY}<h3>{line}</h3><p>{after}</p>")[-1] == after


def test_comments_at_the_beginning_end_nothing():
    """A count of comments above the text is no end of it."""
    assert set(PROSE) <= set(left(f"<p>Comments (3)</p>{STORY}"))


def test_another_story_below_goes():
    """On pages that go on with the next story, all below its headline goes."""
    page = "<article><h1>The bridge is closed</h1>{}</article><article><h1>{}</h1><p>{}</p></article>"
    other = "In the mill nobody has ground any corn for years, and now it is sold again, for less."
    assert other not in left(page.format(STORY, "Mill sold for the third time", other))
    assert other in left(page.format(STORY, "The bridge is closed", other))


ASKING = "We and our partners store cookies on your device and use personal data to show you advertising."
CHOICE = "You can withdraw your consent at any time in our privacy policy."


def test_questions_for_consent_go_with_what_is_beside_them():
    """All in their box that has such words goes with them."""
    assert left(f"<main>{STORY}</main><div><p>{ASKING}</p><p>{CHOICE}</p></div>") == list(PROSE)


def test_stories_of_cookies_stay():
    """Where the title tells of such things, or the line only of pastry, nothing is dropped."""
    assert ASKING in left(f"<main>{STORY}<p>{ASKING}</p></main>", title="Court: sites must ask for consent to cookies")
    baked = "She baked cookies for the ferrymen, who ate them before the tide."
    assert baked in left(f"<main>{STORY}<p>{baked}</p></main>")


@pytest.mark.parametrize(
    "line",
    [
        "Photo: Ada Marsh",
        "Foto: Ada Marsh / Uferbild",
        "Crédit photo : Ada Marsh",
        "© 2026 Tidewater Courier",
        "Published: 20 November 2026, 12:30",
        "Обновлено: 20 ноября 2026, 12:30",
    ],
)
def test_credits_and_times_go_wherever_they_stand(line):
    """Short lines that begin so, with a colon or a number, are no text."""
    assert beside(f"<p>{line}</p>") == ([], [])


@pytest.mark.parametrize(
    "line",
    [
        "Photos of the bridge hang in the inn, and in none of them is the water as high as it was this spring.",
        "Published in 1921, the first map of the river shows no bridge at all.",
        "Updated plans for 20 houses were shown in the town hall on Monday evening.",
        "Image is everything to a town that has nothing else, the ferryman says.",
    ],
)
def test_sentences_that_begin_like_credits_or_times_stay(line):
    """They go on without a colon, and end as sentences."""
    assert beside(f"<p>{line}</p>") == ([line], [line])


@pytest.mark.parametrize(
    "line",
    [
        "<a href=/s>Subscribe to our newsletter</a> and miss nothing.",
        "📩 Subscribe to our newsletter",
        "👉 Suscríbete a nuestro boletín",
        "<a href=/s>Abonnieren Sie unseren Newsletter</a>",
    ],
)
def test_invitations_go_wherever_they_stand(line):
    """Where they are linked, or stand behind a symbol."""
    assert beside(f"<p>{line}</p>") == ([], [])


def test_an_invitation_without_a_link_goes_at_the_end_alone():
    """In the middle of a text it may be what somebody says."""
    line = "Sign up for our newsletter."
    middle, end = beside(f"<p>{line}</p>")
    assert (middle, end) == ([line], [])


@pytest.mark.parametrize(
    "line",
    [
        "The editors of the newsletter, which has been read on both banks for a hundred years, will not subscribe to such a view.",
        "“Subscribe to nothing,” her father used to say, and he never did, until the ferry came.",
        "He would not follow us to the other bank, and nobody has asked him for his reasons since then.",
    ],
)
def test_sentences_with_words_of_invitations_stay(line):
    """Words of an invitation in a sentence of another kind are a small share of it."""
    assert beside(f"<p>{line}</p>") == ([line], [line])


@pytest.mark.parametrize(
    "line", ["All rights reserved.", "Alle Rechte vorbehalten", "Todos los derechos reservados.", "Все права защищены."]
)
def test_legal_lines_go_at_the_end(line):
    """Behind the last of the prose, rights are no text."""
    assert beside(f"<p>{line}</p>")[1] == []


def test_a_sentence_about_rights_stays():
    """A long one is told by the author."""
    line = (
        "All rights reserved to the town since the year of the flood have been sold, piece by piece, the clerk wrote: "
        + "x" * 60
        + "."
    )
    assert beside(f"<p>{line}</p>")[0] == [line]


def test_pull_quotes_go():
    """A short line that a longer one says too is a quote pulled from it; one that is not said stays."""
    quote, own = "the river has not waited for its vote", "The river never hurries, says the ferryman"
    assert beside(f"<blockquote>{quote}</blockquote>") == ([], [])
    assert beside(f"<blockquote>{own}</blockquote>") == ([own], [own])


@pytest.mark.parametrize("byline", ["By Ada Marsh", "Ada Marsh", "Von Ada Marsh und Tom Roe", "Ada Marsh, Low Quay"])
def test_bylines_go_at_the_beginning_and_at_the_end(byline):
    """With the role below, where they stand above the text."""
    authors = ("Ada Marsh", "Tom Roe")
    assert left(f"<p>{byline}</p><p>Our reporter</p>{STORY}", authors=authors) == list(PROSE)
    assert left(f"{STORY}<p>{byline}</p>", authors=authors) == list(PROSE)
    assert byline in left(f"<p>{byline}</p>{STORY}", authors=("Eve Sand",))


def test_lines_on_the_author_go_at_the_end():
    """Unless the story is about them."""
    line = "Ada Marsh writes about rivers, and lives on one."
    assert left(f"{STORY}<p>{line}</p>", authors=("Ada Marsh",)) == list(PROSE)
    assert line in left(f"{STORY}<p>{line}</p>", title="Ada Marsh wins a prize", authors=("Ada Marsh",))
    assert line in left(f"{BEGINNING}<p>{line}</p>{END}", authors=("Ada Marsh",))


def test_addresses_of_mail_go_at_the_edges():
    """A story may give one in its middle."""
    line = "Write to desk@courier.test"
    assert left(f"{STORY}<p>{line}</p>") == list(PROSE)
    assert line in left(STORY + f"<p>{line}</p>" + STORY.replace("The", "One").replace("A", "B"))
