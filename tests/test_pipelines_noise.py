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
    """Long lines in boxes of their own and links that stand thrice go; answers of a word may repeat."""
    notice = f"<div><p>{line}</p></div>"
    html = f"<p>{PROSE[0]}</p>{notice}<p>{PROSE[1]}</p>{notice}<p>{PROSE[2]}</p>{notice}<p>{PROSE[3]}</p>"
    assert len(left(html)) == 4 + kept


def test_a_refrain_stays():
    """Lines that come back among the others of the text, as in songs and under the headings of a list, are meant."""
    line = "And the river went on its way"
    assert left(f"{STORY}<p>{line}</p><p>{PROSE[0]} So.</p><p>{line}</p><p>{PROSE[1]} So.</p><p>{line}</p>").count(line) == 3


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
    ("line", "kept"),
    [
        ("Also read: Ferry sails without its captain", []),
        ("Also read › Ferry sails without its captain", []),
        ("Also read: <a href=/n>Who sails the ferry now?</a>", []),
        (
            "Also read: the ferry has sailed without its captain.",
            ["Also read: the ferry has sailed without its captain."],
        ),
    ],
)
def test_a_label_with_a_colon_needs_a_link_or_a_headline(line, kept):
    """A headline does not end as a sentence, unless it is linked; a plain sentence is left."""
    assert beside(f"<p>{line}</p>") == (kept, kept)


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
        ("Also read" + " …" * 40, False),
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


@pytest.mark.parametrize(
    "line", ["Comments of the mayor were not printed.", "Comments by the mayor", "Comments" + " (1)" * 12]
)
def test_a_heading_that_tells_more_ends_nothing(line):
    """Comments that the story tells of are no comments below it."""
    after = "He had written them in the margin of the vote, as he does each year."
    assert left(f"{STORY}<h3>{line}</h3><p>{after}</p>")[-1] == after


def test_comments_at_the_beginning_end_nothing():
    """A count of comments above the text is no end of it."""
    assert set(PROSE) <= set(left(f"<p>Comments (3)</p>{STORY}"))


NEXT = "In the mill nobody has ground any corn for years, and now it is sold again, for less."
SECOND = f"<h1>Mill sold for the third time</h1><p>{NEXT}</p>"


def test_another_story_below_goes():
    """On pages that go on with the next story, all below its headline goes."""
    assert left(f"<h1>The bridge is closed</h1>{STORY}{SECOND}") == list(PROSE)


@pytest.mark.parametrize(
    "html",
    [
        f"<h1>The bridge is closed</h1>{STORY}<h1>The bridge is closed</h1><p>{NEXT}</p>",
        f"<h1>Tidewater Courier</h1>{STORY}{SECOND}",
        f"{STORY}{SECOND}",
        f"<h1>The bridge is closed</h1><p>Until the autumn.</p>{SECOND}",
    ],
    ids=["same headline", "name of the site first", "one h1", "almost no text"],
)
def test_an_h1_that_is_no_next_headline_ends_nothing(html):
    """Pages use h1 for other things too."""
    assert NEXT in left(html)


def test_a_second_h1_above_the_text_ends_nothing():
    """Where next to nothing stands between two h1, the second is a part of the headline."""
    assert PROSE[0] in left(f"<h1>The bridge is closed</h1><p>Until the autumn.</p><h1>A town waits</h1>{STORY}")


def test_an_h1_that_belongs_to_the_text_ends_nothing():
    """Where the h1 was taken as text, h1 is what the page has for subheadings."""
    page = blocks_of(parse(f"<h1>The bridge is closed</h1>{STORY}{SECOND}"))
    every = list(range(len(page.blocks)))
    assert without(page, every, "The bridge is closed", ())[-1] == every[-1]


ASKING = "We and our partners store cookies on your device and use personal data to show you advertising."
CHOICE = "You can withdraw your consent at any time in our privacy policy."


def test_questions_for_consent_go_with_what_is_beside_them():
    """All in their box that has such words goes with them."""
    assert left(f"<main>{STORY}</main><div><p>{ASKING}</p><p>{CHOICE}</p></div>") == list(PROSE)


def test_questions_for_consent_go_within_the_story():
    """The line itself goes, whatever box it is in; what tells of none of it stays."""
    assert left(f"<main>{BEGINNING}<p>{ASKING}</p>{END}</main>") == list(PROSE)


def test_what_stands_beside_a_question_for_consent_needs_its_words():
    """A box of its own loses what has one such word, and keeps a line that has none."""
    other, policy = "The ferry sails each hour, from either bank.", "Privacy settings of this newspaper"
    found = left(f"<main>{STORY}<p>Yes.</p><p>No.</p></main><div><p>{ASKING}</p><p>{policy}</p><p>{other}</p></div>")
    assert found == [*PROSE, "Yes.", "No.", other]


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
        "© Ada Marsh, all of it",
        "Ada Marsh, Low Quay © 2026",
        "External content from YouTube, which you may load. It will send data there.",
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
        "Photo courtesy of a kind that nobody on the river has known for years",
        "Published on 20 November 1921 in the paper of the other bank, which had a map of the river but none of its bridge",
        "Updated every morning",
        "Photos are not sold here, the keeper of the inn replied, © or no ©, and shut the door of his house on them for the day.",
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


def test_an_invitation_alone_in_its_box_goes():
    """In a box that has nothing else of the text, it is no line of the story."""
    assert beside("<section><div><p>Sign up for our newsletter.</p></div></section>") == ([], [])


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
        "The ferry will be followed by a second one in June, which carries the newsletter of the town and its readers.",
        "“Share this article of faith with me,” the preacher had said, and nobody on either bank has forgotten it since.",
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


def test_legal_lines_in_the_middle_may_be_of_the_story():
    """Before the last of the prose they stay."""
    assert beside("<p>All rights reserved by the mayor of the town.</p>")[0] == [
        "All rights reserved by the mayor of the town."
    ]


def test_a_sentence_about_rights_stays():
    """A long one is told by the author."""
    line = (
        "All rights reserved to the town since the year of the flood have been sold, piece by piece, the clerk wrote: "
        + "x" * 60
        + "."
    )
    assert beside(f"<p>{line}</p>") == ([line], [line])


def test_pull_quotes_go():
    """A short line that a longer one says too is a quote pulled from it; one that is not said stays."""
    quote, own = "the river has not waited for its vote", "The river never hurries, says the ferryman"
    assert beside(f"<blockquote>{quote}</blockquote>") == ([], [])
    assert beside("<p>“The ferryman.”</p>")[0] == ["“The ferryman.”"]
    assert beside(f"<blockquote>{own}</blockquote>") == ([own], [own])


@pytest.mark.parametrize("byline", ["By Ada Marsh", "Ada Marsh", "Von Ada Marsh und Tom Roe", "Ada Marsh, Low Quay"])
def test_bylines_go_at_the_beginning_and_at_the_end(byline):
    """With the role below, where they stand above the text."""
    authors = ("Ada Marsh", "Tom Roe")
    assert left(f"<p>{byline}</p><p>Our reporter</p>{STORY}", authors=authors) == list(PROSE)
    assert left(f"{STORY}<p>{byline}</p>", authors=authors) == list(PROSE)
    assert byline in left(f"<p>{byline}</p>{STORY}", authors=("Eve Sand",))
    assert byline in left(f"{STORY}<p>{byline}</p>{STORY.replace('e', 'i')}", authors=authors)


@pytest.mark.parametrize("line", ["The long way to the other bank for Ada Marsh", f"{'x' * 95} Ada Marsh"])
def test_lines_that_say_more_than_a_name_are_no_bylines(line):
    """More than a few words, or a very long line, is text."""
    assert line in left(f"<p>{line}</p>{STORY}", authors=("Ada Marsh",))


def test_what_follows_a_byline_at_the_end_goes():
    """Below the name there is only what is said of it."""
    about = "Has lived on the river since the flood and writes on whatever it brings."
    assert left(f"{STORY}<p>Ada Marsh</p><p>{about}</p><p>{about[::-1]}</p>", authors=("Ada Marsh",)) == list(PROSE)


def test_what_stands_below_a_name_that_is_no_text_goes():
    """Where the name itself was not taken, the last lines below it go all the same."""
    about = "Has lived on the river since the flood and writes on whatever it brings."
    page = blocks_of(parse(f"{STORY}<h4>Ada Marsh</h4><p>{about}</p>"))
    taken = [index for index in range(len(page.blocks)) if index != len(PROSE)]
    assert without(page, taken, "", ("Ada Marsh",)) == list(range(len(PROSE)))


def test_lines_on_the_author_go_at_the_end():
    """Unless the story is about them."""
    line = "Ada Marsh writes about rivers, and lives on one."
    assert left(f"{STORY}<p>{line}</p>", authors=("Ada Marsh",)) == list(PROSE)
    assert line in left(f"{STORY}<p>{line}</p>", title="Ada Marsh wins a prize", authors=("Ada Marsh",))
    assert line in left(f"{BEGINNING}<p>{line}</p>{END}", authors=("Ada Marsh",))
    long = line + " She has told the town so often enough, and it has listened now and then." * 12
    assert long in left(f"{STORY}<p>{long}</p>", authors=("Ada Marsh",))


def test_addresses_of_mail_go_at_the_edges():
    """A story may give one in its middle."""
    line = "Write to desk@courier.test"
    assert left(f"{STORY}<p>{line}</p>") == list(PROSE)
    assert line in left(STORY + f"<p>{line}</p>" + STORY.replace("The", "One").replace("A", "B"))


def test_short_lines_before_the_first_sentence_that_stand_elsewhere_go():
    """Headlines of others and names of sections stand twice; a line that stands once is the story's own."""
    menu, own = "Ferries and bridges", "A town that waits"
    assert left(f"<p>{menu}</p><p>{own}</p>{STORY}<p>{menu}</p>") == [own, *PROSE, menu]
    assert left(f"<p>{own}</p><p>{STORY}</p>") == [own, *PROSE]


def test_links_on_a_page_twice_may_be_text():
    """Three times the same short link is a button, twice it is not."""
    link = "<p><a href=/r>The report</a></p>"
    assert left(BEGINNING + link + END + link).count("The report") == 2


def test_a_heading_of_thousands_of_characters_goes():
    """No heading is so long; a paragraph may be."""
    long = "The river waits and nobody should hurry it " * 120
    assert left(f"{STORY}<h2>{long}</h2>") == list(PROSE)
    assert left(f"{STORY}<p>{long}</p>") == [*PROSE, long.strip()]


def test_headlines_below_a_label_that_was_not_taken_go_at_the_end():
    """In the middle of the text such a label may be a button's, and what follows stays."""
    page = blocks_of(parse(f"{BEGINNING}<p>Read more</p><p>{HEADLINE}</p>{END}<p>Also read</p><p>{HEADLINE} again</p>"))
    taken = [index for index, block in enumerate(page.blocks) if not is_label(block.text)]
    assert [page.blocks[index].text for index in without(page, taken, "", ())] == [*PROSE[:2], HEADLINE, *PROSE[2:]]


def test_a_label_before_a_short_link_goes():
    """Where all behind the label is linked, it needs no colon and no size."""
    assert beside("<p>Lesen Sie auch <a href=/n>Fähre fährt</a></p>") == ([], [])


def test_a_page_of_very_many_lines_is_left_without_a_look_for_quotes():
    """Only the first few hundred short lines and long ones are compared, so that time is bounded."""
    lines = "".join(f"<p>The river waits for ferry number {number} today</p>" for number in range(500))
    page = f"{lines}<p>{PROSE[0]} The river waits for ferry number 3 today, and the river waits for ferry number 499 today.</p>"
    found = left(page)
    assert "The river waits for ferry number 3 today" not in found
    assert "The river waits for ferry number 499 today" in found
