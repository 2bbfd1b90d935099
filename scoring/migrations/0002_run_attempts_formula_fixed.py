from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("scoring", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="scorerun",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=1, help_text="Starts since it last ended by itself."),
        ),
        # A formula that a run has used is never changed, whoever tries: history says by which formula it was made.
        migrations.RunSQL(
            """
            CREATE FUNCTION scoring_formula_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF EXISTS (SELECT FROM scoring_scorerun WHERE formula_id = OLD.id) THEN
                    RAISE EXCEPTION 'formula % was used by a run and can''t be changed', OLD.version
                        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'formula_fixed_once_used';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER formula_fixed_once_used BEFORE UPDATE ON scoring_formula FOR EACH ROW
                WHEN ((OLD.version, OLD.parameters, OLD.fingerprint) IS DISTINCT FROM
                      (NEW.version, NEW.parameters, NEW.fingerprint))
                EXECUTE FUNCTION scoring_formula_fixed();
            """,
            """
            DROP TRIGGER formula_fixed_once_used ON scoring_formula;
            DROP FUNCTION scoring_formula_fixed;
            """,
        ),
    ]
