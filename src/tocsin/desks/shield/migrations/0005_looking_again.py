"""What a decision rested on, re-checks as tasks, visits by hour and network."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("shield", "0004_mailbox"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Grounds",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("at", models.DateTimeField()),
                ("digest", models.CharField(max_length=64)),
                ("facts", models.JSONField(default=dict)),
                (
                    "listing",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="grounds",
                        to="shield.listing",
                    ),
                ),
            ],
            options={
                "ordering": ("-at", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="Recheck",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("due_at", models.DateTimeField()),
                (
                    "found",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("still_fraud", "Still Fraud"),
                            ("cleaned", "Cleaned"),
                            ("gone", "Gone"),
                        ],
                        max_length=12,
                    ),
                ),
                ("done_at", models.DateTimeField(blank=True, null=True)),
                ("by", models.CharField(blank=True, max_length=100)),
                ("text", models.TextField(blank=True)),
                (
                    "listing",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rechecks",
                        to="shield.listing",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("due_at", "pk"),
                "indexes": [models.Index(fields=["done_at", "due_at"], name="shield_recheck_due")],
            },
        ),
        migrations.CreateModel(
            name="Visit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hour", models.DateTimeField()),
                ("network", models.CharField(max_length=16)),
                ("count", models.PositiveIntegerField(default=0)),
                (
                    "listing",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="visits",
                        to="shield.listing",
                    ),
                ),
            ],
            options={
                "ordering": ("-hour", "-count", "network"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("listing", "hour", "network"), name="shield_visits_once"
                    )
                ],
            },
        ),
    ]
