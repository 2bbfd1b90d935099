"""Take a login's second factor away where no operator can sign in to do it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.actions import reset_second_factor
from accounts.models import User


class Command(BaseCommand):
    help = (
        "Take a login's second factors and recovery codes away, after they were lost. Another one is set up at the "
        "next sign-in. Exit code 2: there is no such login."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"there is no login {options['username']}", returncode=2)
        done = reset_second_factor(user, by=None)
        self.stdout.write(f"{user.username}: second factor reset" if done else f"{user.username} has no second factor")
