"""Lines that begin with a known phrase, in any script, and those that ask for consent."""

import pytest

from pipelines import lines, words
from pipelines.features import LISTS

NAMES = ("also_read", "comment_heads", *LISTS[1:])


@pytest.mark.parametrize(
    ("line", "bare"),
    [
        ("Also Read: The bridge", "also read: the bridge"),
        ("  »  •  Lire aussi", "lire aussi"),
        ("[ЧИТАЙТЕ ТАКЖЕ]", "читайте также]"),
        ("— (Photo", "photo"),
        ("#Mehr", "mehr"),
        ("À lire : le pont", "à lire: le pont"),
        ("À lire\u00a0: le pont", "à lire: le pont"),
        ("関連記事：橋", "関連記事:橋"),
        ("L\u2019essentiel \u2018d\u02bcabord\u2019", "l'essentiel 'd'abord'"),
        ("News\u00adletter für Sie", "newsletter für sie"),
        ("", ""),
        (" : ", ""),
    ],
)
def test_a_bare_line_is_one_that_phrases_are_compared_with(line, bare):
    """Lower case, plain apostrophes and colons, no space before a colon, no bullets or brackets in front."""
    assert lines.bare(line) == bare


def test_only_the_beginning_of_a_long_line_is_looked_at():
    """What is longer than a line is cut, colons and all."""
    assert len(lines.bare("word : " * 10_000)) <= lines.MAX_LINE


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("Also read: the ferry sails again", {"also_read"}),
        ("Lire aussi : le bac repart", {"also_read"}),
        ("Читайте также: мост закрыт", {"also_read"}),
        ("関連記事：橋が閉鎖", {"also_read"}),
        ("अधिक पढ़ें", {"also_read"}),
        ("The bridge was closed by its keeper", set()),
        ("Alsop reads the verdict", set()),
        ("", set()),
        ("!!", set()),
    ],
)
def test_a_line_is_told_by_its_beginning(line, names):
    """Of several lists, those are named of which a phrase begins the line."""
    assert set(lines.told(lines.bare(line), ("also_read", "times"))) == names


@pytest.fixture
def phrases(monkeypatch):
    """A function that puts other phrases in the place of a list's."""

    def put(*entries, name="test"):
        monkeypatch.setattr(words, "lines", lambda asked: entries if asked == name else ())
        lines._index.cache_clear()

    yield put
    monkeypatch.undo()
    lines._index.cache_clear()


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("more", 4),
        ("more: …", 4),
        ("more on bridges", 7),
        ("more bridges", 0),
        ("moreover", 0),
        ("more's", 0),
        ("more on", 7),
        ("more one", 0),
        ("l'essentiel du jour", 11),
    ],
)
def test_the_longest_phrase_counts_and_a_dollar_means_the_whole_line(phrases, line, size):
    """A phrase with `$` is nothing where more follows than marks; words that go on are other words."""
    phrases("more$", "more on", "l'essentiel")
    assert lines.taken(lines.bare(line), "test") == size
    assert lines.told(lines.bare(line), ("test",)) == (("test",) if size else ())


def test_each_list_is_named_once(phrases):
    """Where several phrases of a list begin a line, the list is named once."""
    phrases("more", "more on", "more on bridges")
    assert lines.told("more on bridges", ("test",)) == ("test",)


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("関連記事橋が閉鎖", 4),
        ("関連", 0),
        ("関連記号", 0),
        ("อ่านต่อสะพานปิด", 7),
        ("更多", 2),
        ("更多新闻", 0),
    ],
)
def test_scripts_without_spaces_need_no_end_of_a_word(phrases, line, size):
    """There the text goes on at once behind the phrase, except where it has to be the whole line."""
    phrases("関連記事", "อ่านต่อ", "更多$")
    assert lines.taken(line, "test") == size


def test_a_colon_of_a_phrase_is_any_colon(phrases):
    """Written plainly in the list, it is also the one with a space before it and the wide one."""
    phrases("foto:", "写真:")
    written = ("Foto: A", "Foto : A", "写真： A", "写真 :", "Foto A")
    assert [lines.taken(lines.bare(line), "test") for line in written] == [5, 5, 3, 3, 0]


@pytest.mark.parametrize("line", ["写真：山田花子", "写真:山田", "Foto:dpa", "Фото：Маяк"])
def test_no_space_is_needed_behind_the_colon_of_a_phrase(phrases, line):
    """A phrase that ends in a colon ends no word: what follows may touch it."""
    phrases("foto:", "写真:", "фото:")
    assert lines.taken(lines.bare(line), "test") == line.replace("：", ":").index(":") + 1


@pytest.mark.parametrize(
    ("line", "share"),
    [
        ("sign up and follow us", 16 / 21),
        ("design up", 0),
        ("sign up sign up", 14 / 15),
        ("登録してください", 2 / 8),
        ("今すぐ登録を", 2 / 6),
        ("nothing of it", 0),
        ("", 0),
        ("!", 0),
    ],
)
def test_cover_is_the_share_of_a_line_that_phrases_take(phrases, line, share):
    """Anywhere in the line, from the beginning of a word on; of phrases within another the longest counts, once."""
    phrases("sign up", "sign", "follow us", "us", "登録")
    assert lines.cover(line, ("test",)) == pytest.approx(share)


def test_cover_is_never_more_than_all():
    """However often phrases repeat and overlap, the share is at most 1."""
    for line in ("newsletter " * 80, "subscribe now subscribe " * 30, "登録登録登録" * 40):
        assert 0 <= lines.cover(lines.bare(line), LISTS) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_every_phrase_of_a_list_is_told_of_itself(name):
    """A line that is nothing but the phrase, as it may be written on a page, is found with all its length."""
    lost = []
    for phrase in words.lines(name):
        for written in (phrase.removesuffix("$"), f"» {phrase.removesuffix('$').upper()} …"):
            bare = lines.bare(written)
            if bare.startswith(lines.bare(phrase.removesuffix("$"))) and not lines.taken(bare, name):
                lost.append(written)
        if not lines.taken(lines.bare(phrase.removesuffix("$")), name):
            lost.append(phrase)
    assert lost == []


@pytest.mark.parametrize("name", NAMES)
def test_phrases_of_whole_lines_are_none_at_the_beginning_of_others(name):
    """What must be the whole line tells nothing of a sentence that begins with it."""
    whole = [phrase[:-1] for phrase in words.lines(name) if phrase.endswith("$")]
    index = lines._index((name,))
    for phrase in whole:
        line = f"{lines.bare(phrase)} qqq"
        plain = [entry for entry, only, _ in index.get(lines._key(line), ()) if not only and line.startswith(entry)]
        assert bool(lines.taken(line, name)) == bool(plain), phrase


CONSENT = [
    "We and our partners store cookies on your device and process personal data to show you advertising.",
    "Wir und unsere Partner speichern Cookies auf Ihrem Gerät, um Anzeigen zu zeigen; Sie können Ihre Einwilligung ändern.",
    "Nous utilisons des cookies avec votre consentement pour la publicité.",
    "Мы используем файлы cookie и персональные данные для рекламы; вы даёте согласие.",
    "当サイトではクッキーを使用し、端末の個人情報を広告に利用することに同意いただきます。",
    "เราใช้คุกกี้บนอุปกรณ์ของคุณเพื่อโฆษณา ตามนโยบายความเป็นส่วนตัว",
]
STORIES = [
    "She baked cookies for the whole street.",
    "The partners of the firm shared data of their devices.",
    "The regulator fined the firm for its advertising without consent to a privacy policy.",
    "Куки — это бульканье, говорит пекарь.",
    "橋は夏のあいだ閉鎖される。",
    "",
]


@pytest.mark.parametrize("line", CONSENT)
def test_what_asks_for_consent_is_told_in_any_language(line):
    """Three kinds of such words, cookies or partners among them."""
    assert lines.asks_for_consent(lines.bare(line))
    assert lines.tells_of_cookies(lines.bare(line))


@pytest.mark.parametrize("line", STORIES)
def test_a_story_does_not_ask_for_consent(line):
    """Cookies alone, or all the rest without them, ask for nothing."""
    assert not lines.asks_for_consent(lines.bare(line))


def test_kinds_of_words_begin_words():
    """A stem within a word is none, except in scripts without spaces; `_` in the list is a blank."""
    assert lines.consent_words("privacy on every device") == {"policy", "device"}
    assert lines.consent_words("our predevices and the unadvertised") == set()
    assert lines.consent_words("この端末の広告") == {"device", "advertising"}
    assert lines.consent_words("your personal data") == {"data"}
    assert lines.consent_words("personal and data") == set()


def test_every_stem_of_consent_is_found():
    """Each stem, alone on a line, tells its kind."""
    for kind, stems in lines._consent_stems().items():
        assert [stem for stem in stems if kind not in lines.consent_words(stem)] == []
