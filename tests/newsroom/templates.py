"""Sentence templates in three languages, from which a newsroom of any size is written."""

from __future__ import annotations

import random
import re
import unicodedata
from dataclasses import dataclass

Words = dict[str, str]


@dataclass(frozen=True, slots=True)
class Bank:
    """The words and sentences of one language. `{names}` in braces are filled by `cast`."""

    towns: tuple[str, ...]
    people: tuple[str, ...]
    families: tuple[str, ...]
    things: tuple[str, ...]
    titles: tuple[str, ...]
    description: str
    openings: tuple[str, ...]
    middles: tuple[str, ...]
    closings: tuple[str, ...]


ENGLISH = Bank(
    towns=(
        "Harrowmere",
        "Brackwell",
        "Saltreach",
        "Linden Point",
        "Ashgrove",
        "Quarry Hythe",
        "Upper Serrin",
        "Dunmoor",
    ),
    people=("Ivo", "Marta", "Odette", "Percy", "Tilda", "Barnaby", "Sunniva", "Ephraim", "Noor", "Leopold"),
    families=("Hask", "Wintle", "Abara", "Crane", "Delacourt", "Fenn", "Osei", "Rookwood", "Tamm", "Yarrow"),
    things=(
        "footbridge",
        "bandstand",
        "orchard",
        "ferry",
        "weather station",
        "school kitchen",
        "clock tower",
        "ice house",
    ),
    titles=(
        "{town} gets a new {thing} after {count} years of waiting",
        "How {person} {family} saved the {thing} of {town}",
        "The {thing} in {town} divides {count} neighbours",
        "{count} volunteers rebuild the {thing} in {town}",
    ),
    description="The {thing} in {town} has found a friend in {person} {family}, and {count} reasons to stay.",
    openings=(
        "When {person} {family} first saw the {thing} in {town}, it had {count} holes in its roof and a fox inside.",
        "The {thing} in {town} was opened again on Friday, {count} years after the last visitor had locked the door.",
        "Nobody in {town} remembers who ordered the {thing}, but {count} people signed a letter to keep it.",
    ),
    middles=(
        "The work took {small} months and cost {money} crowns, most of it collected in jars on shop counters.",
        "{person} {family}, who is {age}, began by counting the screws and found that {count} of them were missing.",
        "A survey by the council of {town} had called the building beyond repair in a report of {small} pages.",
        "{other}, a neighbour, brought soup every evening and advice on most mornings, not all of which was followed.",
        "The engineers measured the ground at {small} places and were surprised to find a second cellar full of lamps.",
        "Children from the school painted {count} tiles, each with an animal that the artist had personally met.",
        "Rain delayed the last stage by {small} weeks, during which the team played {count} rounds of dominoes.",
        "The oldest beam carries the initials of a carpenter who worked here in 18{small}, and a drawing of his lunch.",
        "According to {other}, the hardest part was to agree on a colour; the vote was {count} to {small}.",
        "A firm from the coast offered {money} crowns for the site, and was politely shown the bus timetable.",
        "Visitors are asked to leave their boots outside, and to take the same pair home again.",
    ),
    closings=(
        "The first season starts in May, and {count} tickets have already been given away to those who held a ladder.",
        "{person} {family} plans to rest for {small} days and then to look at the roof of the chapel.",
        "The council will look at the accounts in autumn; {other} has promised to bring them in a clean folder.",
    ),
)
GERMAN = Bank(
    towns=("Lindenbruch", "Oberau", "Niederwalm", "Kaltenried", "Moorhaven", "Steinfurth an der Elle"),
    people=("Alwine", "Bertram", "Cosima", "Detlev", "Edda", "Falk", "Gesine", "Henrik"),
    families=("Aumann", "Brückner", "Cordes", "Dünkel", "Ebeling", "Fröbe", "Grothe", "Hellweg"),
    things=("Brücke", "Sternwarte", "Fähre", "Schmiede", "Windmühle", "Turnhalle", "Gärtnerei"),
    titles=(
        "{town} bekommt nach {count} Jahren eine neue {thing}",
        "Wie {person} {family} die {thing} von {town} rettete",
        "{count} Freiwillige bauen die {thing} in {town} wieder auf",
    ),
    description="Die {thing} in {town} bleibt erhalten, und {person} {family} hat {count} Gründe dafür.",
    openings=(
        "Als {person} {family} die {thing} in {town} zum ersten Mal sah, fehlten {count} Dachziegel und die Tür.",
        "In {town} ist am Freitag die {thing} wieder eröffnet worden, {count} Jahre nach dem letzten Besucher.",
    ),
    middles=(
        "Die Arbeiten dauerten {small} Monate und kosteten {money} Kronen, die überwiegend aus Spenden stammten.",
        "{person} {family} ist {age} Jahre alt und begann damit, die Schrauben zu zählen; {count} davon fehlten.",
        "Ein Gutachten der Gemeinde {town} hatte den Bau auf {small} Seiten für verloren erklärt.",
        "{other} aus der Nachbarschaft brachte jeden Abend Suppe und fast jeden Morgen guten Rat.",
        "Die Kinder der Grundschule bemalten {count} Kacheln, jede mit einem Tier, das sie selbst getroffen hatten.",
        "Der Regen verzögerte den letzten Abschnitt um {small} Wochen, in denen viel Karten gespielt wurde.",
        "Unter dem Boden fand sich ein zweiter Keller, gefüllt mit Laternen und {count} leeren Flaschen.",
        "Über die Farbe wurde abgestimmt; am Ende stand es nach Angaben von {other} {count} zu {small}.",
    ),
    closings=(
        "Die erste Saison beginnt im Mai, und {count} Karten sind bereits an die Helfer verschenkt.",
        "{person} {family} will nun {small} Tage ausruhen und dann nach dem Dach der Kapelle sehen.",
    ),
)
SPANISH = Bank(
    towns=("Puerto Almendra", "Alto Romeral", "Valdecierzo", "Las Higueras", "Pozo Claro", "Montejara"),
    people=("Adela", "Benito", "Carmina", "Dionisio", "Elvira", "Faustino", "Graciela", "Horacio"),
    families=("Arrieta", "Bermejo", "Cifuentes", "Dorado", "Espinar", "Figueras", "Galarza"),
    things=("pasarela", "panadería", "biblioteca", "estación", "fuente", "imprenta", "lonja"),
    titles=(
        "{town} estrena su {thing} después de {count} años de espera",
        "Cómo {person} {family} salvó la {thing} de {town}",
        "{count} voluntarios levantan de nuevo la {thing} de {town}",
    ),
    description="La {thing} de {town} sigue en pie, y {person} {family} tiene {count} razones para cuidarla.",
    openings=(
        "Cuando {person} {family} vio por primera vez la {thing} de {town}, faltaban {count} tejas y la puerta.",
        "La {thing} de {town} volvió a abrir el viernes, {count} años después de su último visitante.",
    ),
    middles=(
        "Las obras duraron {small} meses y costaron {money} coronas, reunidas en su mayor parte con rifas.",
        "{person} {family}, de {age} años, empezó por contar los tornillos y descubrió que faltaban {count}.",
        "Un informe del ayuntamiento de {town} había dado el edificio por perdido en {small} páginas.",
        "{other}, del barrio, trajo sopa cada noche y consejos casi todas las mañanas.",
        "Los niños de la escuela pintaron {count} azulejos, cada uno con un animal que conocían en persona.",
        "La lluvia retrasó la última etapa {small} semanas, en las que se jugó mucho al dominó.",
        "Bajo el suelo apareció un segundo sótano lleno de faroles y {count} botellas vacías.",
        "Según {other}, lo más difícil fue elegir el color; la votación quedó en {count} contra {small}.",
    ),
    closings=(
        "La primera temporada comienza en mayo, y ya se han regalado {count} entradas a quienes ayudaron.",
        "{person} {family} piensa descansar {small} días y después mirar el tejado de la capilla.",
    ),
)
BANKS = {"en": ENGLISH, "de": GERMAN, "es": SPANISH}


def cast(bank: Bank, chance: random.Random, number: int) -> Words:
    """Who and what one story is about; `count` grows with the number, so that no two stories read alike."""
    person, other = chance.sample(bank.people, 2)
    family, neighbour, author = chance.sample(bank.families, 3)
    return {
        "town": chance.choice(bank.towns),
        "thing": chance.choice(bank.things),
        "person": person,
        "family": family,
        "other": f"{other} {neighbour}",
        "author": f"{chance.choice(bank.people)} {author}",
        "count": str(17 + number),
        "small": str(chance.randrange(11, 60)),
        "age": str(chance.randrange(19, 91)),
        "money": str(chance.randrange(12, 990) * 1000),
    }


def paragraphs(bank: Bank, words: Words, chance: random.Random) -> tuple[str, ...]:
    """Four paragraphs: an opening, two of the middle and a closing, 120 words or more in all."""
    middles = chance.sample(bank.middles, 7)
    plan = (
        [chance.choice(bank.openings), middles[0]],
        middles[1:4],
        middles[4:6],
        [middles[6], chance.choice(bank.closings)],
    )
    return tuple(" ".join(fill(sentence, words) for sentence in sentences) for sentences in plan)


def fill(sentence: str, words: Words) -> str:
    """The sentence with its braces filled, its first letter a capital."""
    text = sentence.format_map(words)
    return text[0].upper() + text[1:]


def slug(words: Words, number: int) -> str:
    """An ASCII slug that holds the number, since two stories may be about the same bridge."""
    phrase = f"{words['thing']} {words['town']} {words['person']} {words['family']} {number}"
    plain = unicodedata.normalize("NFKD", phrase).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
