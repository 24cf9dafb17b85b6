"""Indexes from which lists of cases are cut and counted without reading a row."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One index for another, and one more."""

    dependencies = [("office", "0005_held"), ("response", "0008_intake_mapping")]

    operations = [
        migrations.RemoveIndex(model_name="case", name="case_changed"),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(fields=["changed_at", "id", "state"], name="case_listed"),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(fields=["state", "kind", "party"], name="case_sorts"),
        ),
    ]
