"""What the desk answered whoever brought a report in."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Two columns."""

    dependencies = [("response", "0006_notified_case")]

    operations = [
        migrations.AddField(
            model_name="intake",
            name="answer",
            field=models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="intake",
            name="answered_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
