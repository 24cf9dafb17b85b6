from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("office", "0004_runs_node"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("lease_until__isnull", False)),
                fields=["lease_until"],
                name="delivery_held",
            ),
        ),
    ]
