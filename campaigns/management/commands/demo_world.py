"""Fill the platform with the sample world, so that somebody new has something to look at."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.management.progress import Steps
from accounts.models import Identity, User
from campaigns.management import demo, demo_route
from campaigns.management.sheet import read_sheet, write_sheet
from campaigns.models import Brand
from scoring.actions import ensure_topics, score, score_night
from scoring.models import ScoreRun

# Between the moments before the world's end as of which people are scored too, so that there is a history to see.
APART = timedelta(weeks=2)
# So many of these before the end the campaign that is over by now was opened.
OPENED = 3


@dataclass
class Past:
    """The campaign that is over by now, to be opened once the scores of then are there."""

    brand: Brand
    made: demo.Made
    manager: User
    by: User
    steps: Steps
    is_open: bool = False

    def open(self) -> None:
        self.is_open = True
        folder = settings.DATA_DIR / "world"
        demo_route.open_route(self.brand, self.made, folder, manager=self.manager, by=self.by, progress=self.steps)


class Command(BaseCommand):
    help = (
        "Fill the platform with a generated world: people, their activity, scores, an airline with a campaign "
        "in Toronto, logins and an API key, which stand in demo.json of the data folder. Started again it completes "
        "what is missing, scores today if that wasn't done, and changes nothing else. Not for production."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--address", required=True, help="Where the site will be, for demo.json.")
        parser.add_argument("--people", type=int, default=3000, help="Ordinary people, if a world is to be made.")
        parser.add_argument("--days", type=int, default=90, help="Days of activity, if a world is to be made.")
        # A run takes some seconds, and a first start shouldn't take much more than half a minute.
        parser.add_argument("--history", type=int, default=4, help="Earlier moments to score, a fortnight apart.")
        parser.add_argument(
            "--without-past", action="store_true", help="Leave out the campaign that is over, which takes some seconds."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("the sample world is not for production: its activity would count", returncode=2)
        # Who claimed which profile is news where people do it.
        logging.disable(logging.INFO)
        try:
            self._ensure(options)
        finally:
            logging.disable(logging.NOTSET)

    def _ensure(self, options: dict[str, Any]) -> None:
        now = timezone.now()
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        steps = Steps()
        file = settings.DATA_DIR / "demo.json"
        sheet = read_sheet(file)
        users = demo.ensure_logins(sheet, lambda: write_sheet(file, sheet))
        ensure_topics()
        made = self._world(options["people"], options["days"], midnight, users["admin"], now, steps)
        demo.ensure_influencer(made, user=users["influencer"], by=users["admin"], now=now)
        team = {role: users[role] for role in ("owner", "manager", "viewer")}
        brand = demo.ensure_brand(**team, by=users["admin"], now=now)

        past = Past(brand, made, users["manager"], users["admin"], steps) if not options["without_past"] else None
        self._scores(made, options["history"], midnight, now, steps, past)
        if past is not None and not past.is_open:
            # It was cut off between the scores: by those of now.
            past.open()

        demo.claim_profiles(made, by=users["admin"], now=now)
        demo.ensure_campaign(brand, made, manager=users["manager"], now=now)
        if past is not None:
            steps("measuring what it brought")
            demo_route.close_route(brand, manager=users["manager"], now=now)
        demo.ensure_key(sheet, by=users["admin"], now=now)
        sheet["address"] = options["address"]
        sheet["handles"], sheet["cast"] = demo.shown_handles(made), demo.cast_handles(made)
        write_sheet(file, sheet)

    def _world(self, people: int, days: int, midnight: datetime, admin: User, now: datetime, steps: Steps) -> demo.Made:
        folder = settings.DATA_DIR / "world"
        made = demo.find_world(folder)
        begun = Identity.objects.filter(network=demo.HOME).exists()
        if made is None and begun:
            raise CommandError(
                f"the database holds a sample world, but its folder {folder} is gone: bring it back, or empty the "
                "database",
                returncode=2,
            )
        # A folder that outlived its database is of another day.
        if made is None or not (begun or made.end == midnight):
            steps(f"making a world of {people:,} people")
            made = demo.write_world(folder, people=people, days=days, until=midnight)
        # Scored means imported: the import comes first, and runs are never taken away.
        if not ScoreRun.objects.done().filter(as_of__lte=made.end).exists():
            demo.import_world(folder, by=admin, now=now, progress=steps)
            demo.give_addresses()
        return made

    def _scores(
        self,
        made: demo.Made,
        history: int,
        midnight: datetime,
        now: datetime,
        steps: Steps,
        past: Past | None,
    ) -> None:
        """Score what isn't yet: oldest first, so that the last becomes current; in between open the past campaign."""
        opens = made.end - min(history, OPENED) * APART
        wanted = {made.end - number * APART for number in range(history + 1)}
        done = set(ScoreRun.objects.done().filter(as_of__in=wanted).values_list("as_of", flat=True))
        for as_of in sorted(wanted - done):
            steps(f"scoring as of {as_of:%d %B}")
            score(as_of=as_of, now=now)
            if as_of == opens and past is not None:
                past.open()
        if not ScoreRun.objects.done().filter(as_of__gte=midnight).exists():
            steps(f"scoring as of {midnight:%d %B}")
            steps(score_night(as_of=midnight, now=now))
