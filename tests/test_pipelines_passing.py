"""Lines that only tell a time or a count: their change is no edit."""

import pytest

from pipelines import words
from pipelines.normalize import wording
from pipelines.passing import MAX_LINE, is_passing, lasting

BODY = "The ferry will not sail on Monday, the harbour office said.\nRepairs take a week, and buses run every hour."

PAIRS = [  # what a page shows today, and tomorrow
    ("12 Comments", "3,401 comments"),
    ("Comments (12)", "Comments (13)"),
    ("1.2K views", "12M views"),
    ("Updated 5 minutes ago", "Updated an hour ago"),
    ("Last updated on 3 March 2026 at 12:30 GMT", "Last updated on Monday, March 4, 2026, 9:05 am EST"),
    ("Stand: 12.03.2026, 14:30 Uhr", "Aktualisiert am 3. März 2026 um 14.30 Uhr"),
    ("vor 5 Minuten", "vor einer Stunde"),
    ("Publié le 3 mars 2026 à 12h30", "Publié le 3 mars 2026 à 12h30, mis à jour le 4 mars 2026 à 8h00"),
    ("hace 3 horas", "Actualizado el 3 de marzo de 2026 a las 12:30 h"),
    ("há 2 horas", "Atualizado há 3 dias"),
    ("Pubblicato il 3 marzo 2026 alle 12:30", "2 commenti"),
    ("5 uur geleden", "Bijgewerkt: 3 maart 2026, 12:30 uur"),
    ("Uppdaterad för 5 timmar sedan", "Publisert 3. mars 2026 kl. 12.30"),
    ("Zaktualizowano: 3 marca 2026, 12:30", "12 komentarzy"),
    ("5 минут назад", "Обновлено 3 марта 2026 в 12:30"),
    ("Güncelleme: 3 Mart 2026 12:30", "5 dakika önce"),
    ("आज 5 घंटे पहले", "अपडेटेड 10:30"),
    ("تم التحديث منذ 5 ساعات", "منذ يوم"),
    ("2026年3月1日 12:30 更新", "5分前"),
    ("发布时间：2026-03-01 12:30", "3小时前"),
    ("입력 2026.03.01 12:30", "3시간 전"),
    ("2026-03-01 12:30", "1,234"),
]  # fmt: skip


@pytest.mark.parametrize(("today", "tomorrow"), PAIRS)
def test_a_time_or_count_that_changed_is_no_edit(today: str, tomorrow: str) -> None:
    """Whether such a line changes, comes or goes: the wording is the same."""
    first, second = BODY.split("\n")
    before, after = (wording("T", f"{first}\n{line}\n{second}") for line in (today, tomorrow))
    assert before == after == wording("T", BODY)


@pytest.mark.parametrize(
    "line",
    [
        "The bridge reopens on Monday.",
        "42 people were hurt",
        "He is 42.",
        "2-1",
        "Mill Town 2 – 1 Low Town",
        "5 killed",
        "12 % of voters",
        "Chapter 3",
        "31 | | 3 |",
        "| | 1 |",
        "March",
        "Sunday",
        "Drei Tote",
        "3月1日開通",
        "三人死亡",
        "橋は3月1日に閉鎖される。",
        "3 ранены",
        "",
    ],
)
def test_a_line_that_says_something_counts(line: str) -> None:
    """Numbers, days and units within a statement are part of it."""
    assert not is_passing(line)


def test_a_text_of_nothing_but_such_lines_is_what_they_say() -> None:
    """Numbers that were drawn, or a table of times, are the wording of their page."""
    drawn = "The numbers:\n4\n8\n15\n16\n23\n42"
    assert lasting(drawn) == drawn
    assert wording("T", drawn) != wording("T", drawn.replace("42", "43"))


def test_a_long_line_is_looked_at_no_further() -> None:
    """Whatever a line of a megabyte holds, it is more than a time."""
    assert not is_passing("5 minutes ago " * 100_000)
    assert is_passing("1" * 9) is is_passing(f"{'5 ' * 10}minutes ago") is True
    assert not is_passing("更新日の" * (MAX_LINE // 4) + "x")


def test_the_words_are_in_their_one_form() -> None:
    """Groups are those that are read, and words in lower case."""
    for line in words.lines("passing_words"):
        group, _, names = line.partition(":")
        assert group in {"mark", "more"}
        assert names == names.lower()
