"""How fast the infections of a network go away."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """One table."""

    dependencies = [
        ("office", "0005_held"),
        ("response", "0009_case_lists"),
    ]

    operations = [
        migrations.CreateModel(
            name="CleanUp",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("counted_at", models.DateTimeField()),
                ("first", models.DateField()),
                ("last", models.DateField()),
                ("quiet", models.PositiveSmallIntegerField()),
                ("spells", models.PositiveIntegerField()),
                ("over", models.PositiveIntegerField()),
                ("median", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("coming_back", models.FloatField(blank=True, null=True)),
                ("half_life", models.FloatField(blank=True, null=True)),
                ("still", models.JSONField(default=list)),
                (
                    "party",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="office.party",
                    ),
                ),
            ],
            options={
                "ordering": ("-spells", "pk"),
            },
        ),
    ]
