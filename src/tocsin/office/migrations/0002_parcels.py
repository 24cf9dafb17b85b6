from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("office", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="party",
            name="interval",
            field=models.CharField(default="each", max_length=10),
        ),
        migrations.AddField(
            model_name="party",
            name="key",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="delivery",
            name="parcel",
            field=models.CharField(blank=True, db_index=True, max_length=32),
        ),
        migrations.AddField(
            model_name="delivery",
            name="ticket",
            field=models.CharField(blank=True, db_index=True, max_length=20),
        ),
    ]
