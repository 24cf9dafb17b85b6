import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("shield", "0009_appealed"),
    ]

    operations = [
        migrations.CreateModel(
            name="Claim",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("reference", models.CharField(max_length=14, unique=True)),
                ("sealed", models.BinaryField(default=bytes)),
                ("sealed_about", models.BinaryField(default=bytes)),
                ("language", models.CharField(default="en", max_length=10)),
                ("is_cleaned", models.BooleanField(default=False)),
                ("filed_at", models.DateTimeField()),
                ("taken_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ("filed_at", "pk"),
            },
        ),
    ]
