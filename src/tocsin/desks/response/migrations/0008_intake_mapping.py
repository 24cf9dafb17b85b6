"""How CSV of any kind is read, where whoever brought it in said so."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column."""

    dependencies = [("response", "0007_intake_answer")]

    operations = [
        migrations.AddField(
            model_name="intake",
            name="mapping",
            field=models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
    ]
