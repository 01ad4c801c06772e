"""Seeds, and what a seeded generator of random numbers makes of them: the same every time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

SEEDS = Path(__file__).parent / "seeds"
MAX_BYTES = 60_000

# What parsers stumble over, put in anywhere.
_ODD = (
    b"\0", b"\x1b]", b"\x1b[", b"\x85", b"\xff\xfe", b"\xef\xbb\xbf", b"\xe2\x80\xae", b"\xed\xa0\x80",
    b"\xe2\x80\xa8", b"\r", b"\n", b"\r\n\r\n",
    b"<", b">", b"</", b"<!--", b"-->", b"<![CDATA[", b"]]>", b'<!DOCTYPE x [<!ENTITY a "b">]>', b"&",
    b"&#0;", b"&#x110000;", b"&amp;amp;", b'"',
    b"'", b"\\", b"%", b"%00", b"%2e%2e", b"%5c", b"@", b"#", b"?", b":", b";", b"//", b"/../", b"[", b"]",
    b"{", b"}", b",", b"$", b"*", b"=",
    b"0x7f", b"0177", b"9999999999999999999999", b"-1", b"1e999", b"NaN", b"xn--", b"\xe3\x80\x82",
    b"\xef\xbc\x8e", b"\xc2\xad", b"\xcc\x81",
    b"\xe2\x80\x8d", b"\xc4\xb0", b"\xc5\xbf", b"\xc3\x9f", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd",
    b"9999-12-31T23:59:59-14:00", b"\xd9\xa3",
)  # fmt: skip


def seeds(target: str) -> dict[str, bytes]:
    """The committed seeds of a target, by file name."""
    return {path.name: path.read_bytes() for path in sorted((SEEDS / target).iterdir()) if path.is_file()}


def mutated(corpus: list[bytes], count: int, number: int) -> Iterator[bytes]:
    """`count` inputs made of seeds, for the seed `number` of the generator."""
    random = Random(number)
    for _ in range(count):
        made = random.choice(corpus)
        for _ in range(random.choice((1, 1, 2, 3, 6))):
            made = random.choice(_WAYS)(random, made, random.choice(corpus))[:MAX_BYTES]
        yield made


def _odd(random: Random, one: bytes, other: bytes) -> bytes:
    at = random.randint(0, len(one))
    return one[:at] + random.choice(_ODD) * random.choice((1, 1, 1, 2, 30)) + one[at:]


def _replaced(random: Random, one: bytes, other: bytes) -> bytes:
    at = random.randint(0, len(one))
    return one[:at] + bytes([random.randrange(256)]) + one[at + 1 :]


def _cut(random: Random, one: bytes, other: bytes) -> bytes:
    at, length = random.randint(0, len(one)), int(random.paretovariate(0.6))
    return one[:at] + one[at + length :]


def _repeated(random: Random, one: bytes, other: bytes) -> bytes:
    at, length = random.randint(0, len(one)), int(random.paretovariate(0.5)) % 200
    return one[:at] + one[at : at + length] * random.choice((2, 3, 20, 300)) + one[at + length :]


def _crossed(random: Random, one: bytes, other: bytes) -> bytes:
    return one[: random.randint(0, len(one))] + other[random.randint(0, len(other)) :]


def _swapped(random: Random, one: bytes, other: bytes) -> bytes:
    a, b = sorted((random.randint(0, len(one)), random.randint(0, len(one))))
    return one[b:] + one[a:b] + one[:a]


def _inserted(random: Random, one: bytes, other: bytes) -> bytes:
    at, there, length = random.randint(0, len(one)), random.randint(0, len(other)), int(random.paretovariate(0.5)) % 500
    return one[:at] + other[there : there + length] + one[at:]


_WAYS = (_odd, _odd, _replaced, _cut, _repeated, _crossed, _swapped, _inserted)
