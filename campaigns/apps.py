from django.apps import AppConfig
from django.db.models.signals import pre_delete


class CampaignsConfig(AppConfig):
    name = "campaigns"

    def ready(self) -> None:
        # Models can be imported from here on.
        from accounts.models import Person
        from campaigns.actions.forgetting import forget_before_delete

        # Erasing is of the app below, which knows nothing of campaigns.
        pre_delete.connect(forget_before_delete, sender=Person, dispatch_uid="campaigns.forget_before_delete")
