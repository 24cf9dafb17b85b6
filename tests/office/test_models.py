"""The nouns of the office and their migrations."""

import pytest
from django.apps import apps
from django.core.management import call_command


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_every_table_says_its_purpose_its_legal_basis_and_how_long_it_is_kept() -> None:
    silent = [
        f"{model.__name__}: {word}"
        for model in apps.get_app_config("office").get_models()
        for word in ("Purpose:", "Basis:", "Retention:")
        if word not in (model.__doc__ or "")
    ]

    assert silent == []
