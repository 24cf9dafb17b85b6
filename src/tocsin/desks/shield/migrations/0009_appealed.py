from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("shield", "0008_looks"),
    ]

    operations = [
        migrations.AddField(
            model_name="appeal",
            name="sealed_about",
            field=models.BinaryField(default=bytes),
        ),
    ]
