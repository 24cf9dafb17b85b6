"""Refusals that people come to on pages, said in the languages that are complete."""

import tomllib

import pytest
from django.utils import translation

from tocsin.channels.catalogue import CHANNELS
from tocsin.channels.openpgp import check_key
from tocsin.desks.response.actions.take_in import LONGEST_MAPPING, mapping_text
from tocsin.desks.response.queries.filters import Filters
from tocsin.formats.catalogue import chosen
from tocsin.office import sentences
from tocsin.office.parties import values
from tocsin.office.parties.reading import read_parties
from tocsin.words.errors import TocsinError
from tocsin.words.relations import Relation

PARTY = """
[[party]]
id = "meadow-net"
name = "Meadow Net"
role = "isp"
[party.delivery]
channel = "mail"
format = "idf-csv"
address = "no mailbox"
[[party.contact]]
kind = "phone"
value = "12"
[[party.remit]]
relation = "network"
prefix = ["192.0.2.1/24"]
"""
LINE = """
[[party]]
id = "meadow-net"
name = "Meadow Net"
role = "isp"
language = "Dutch"
[party.delivery]
channel = "mail"
format = "idf-csv"
"""


def refusal(call, *words, **more):
    """What is said in English."""
    with pytest.raises(TocsinError) as refused:
        call(*words, **more)
    return str(refused.value)


def said(language, text):
    """The same in a language, with plain spaces."""
    with translation.override(language):
        return sentences.said(text).replace("\u00a0", " ").replace("\u202f", " ")


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (values.text, ""),
        (values.name_id, "-x"),
        (values.language, "Dutch"),
        (values.purpose, "Abuse desk"),
        (values.country, "XX"),
        (values.word(Relation), "uncle"),
        (values.one_of(["mail", "webhook"]), "pigeon"),
        (values.prefix, "192.0.2.9-192.0.2.1"),
        (values.prefix, "192.0.2.9-2001:db8::1"),
        (values.prefix, "192.0.2.9-x"),
        (values.domain, "example"),
        (values.domain, "bücher.example"),
        (values.tld, "name.example"),
        (check_key, "hello"),
        (check_key, "-----BEGIN PGP PRIVATE KEY BLOCK-----"),
        (check_key, "-" * 2_000_000),
        (
            check_key,
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----",
        ),
        (CHANNELS["mail"].check_address, "no mailbox"),
        (CHANNELS["folder"].check_address, "../up"),
        (CHANNELS["webhook"].check_address, "http://hooks.example/"),
        (CHANNELS["webhook"].check_address, "https://"),
        (CHANNELS["webhook"].check_address, "https://ada@hooks.example/"),
        (CHANNELS["webhook"].check_address, "https://hooks.example/#x"),
        (CHANNELS["webhook"].check_address, "https://0x7f.1/"),
        (CHANNELS["webhook"].check_address, f"https://hooks.example/{'x' * 3000}"),
        (mapping_text, b"x" * (LONGEST_MAPPING + 1)),
        (mapping_text, b"\xff\xfe"),
        (chosen, "generic-csv"),
        (lambda word: chosen(word, mapping="[columns]"), "xarf"),
        (lambda word: Filters(kinds=(word,)).check(), "x"),
        (lambda word: Filters(countries=(word,)).check(), "x"),
        (lambda word: Filters(assigned=word).check(), "x"),
        (Filters.read, {"text": ["x"] * 999}),
    ],
)
@pytest.mark.parametrize("language", ["de", "fr"])
def test_what_a_form_refuses_is_said_in_the_language_of_the_page(language, call, word):
    english = refusal(call, word)

    assert said(language, english) != english
    assert " Possible: " not in said(language, english)


def test_a_line_about_a_party_names_the_place_the_rule_and_what_is_possible():
    assert said("de", refusal(read_parties, PARTY)).splitlines() == [
        (
            "Stelle 'meadow-net', Zustellung, Adresse: die E-Mail-Adresse 'no mailbox' ist nicht "
            "verwendbar. Möglich: name@host.example, der Host so, wie er im DNS steht (xn--…); "
            "mehrere durch Kommas getrennt"
        ),
        (
            "Stelle 'meadow-net', Kontakt 1, Wert: '12' passt nicht. Möglich: eine Rufnummer, die "
            "mit + und der Landesvorwahl beginnt"
        ),
        (
            "Stelle 'meadow-net', Zuständigkeit 1, Präfix: in '192.0.2.1/24' sind Host-Bits "
            "gesetzt. Möglich: 192.0.2.0/24"
        ),
        (
            "Stelle 'meadow-net', Zuständigkeit 1: nennt nichts. Möglich: asn, prefix, country, "
            "domain, tld, brand, everything, shared"
        ),
    ]


def test_the_same_in_french():
    assert said("fr", refusal(read_parties, LINE)) == (
        "organisme 'meadow-net', langue : 'Dutch' ne convient pas. Possible : un code tel que en "
        "ou nl-BE"
    )


def test_what_a_mapping_lacks_is_said_in_the_language_of_the_page():
    english = refusal(chosen, None, mapping="[[")
    fault = refusal_of_toml("[[")

    assert said("de", english) == f"die Zuordnung ist kein TOML: {fault}"
    assert said("fr", english) == f"la correspondance n’est pas du TOML : {fault}"


def refusal_of_toml(text):
    with pytest.raises(tomllib.TOMLDecodeError) as fault:
        tomllib.loads(text)
    return str(fault.value)


def test_a_word_that_is_a_key_of_the_party_file_is_no_sentence():
    assert said("de", "address") == "address"
    assert said("de", "party 'x', no_such_key: whatever this is") == (
        "Stelle 'x', no_such_key: whatever this is"
    )
