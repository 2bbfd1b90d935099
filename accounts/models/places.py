"""Cities, and which lie within a circle."""

import math
from typing import Self

from django.contrib.postgres.indexes import GistIndex
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import ASin, Cos, Least, Power, Radians, Sin, Sqrt

# The mean radius, in km, as the IUGG defines it.
EARTH_RADIUS = 6371.0088


class PlaceQuerySet(models.QuerySet["Place"]):
    def within(self, latitude: float, longitude: float, radius_km: float) -> Self:
        """Keep places at most `radius_km` from a point, along a great circle.

        The box around the circle is looked up in the GiST index `place_point`, two boxes where it crosses the 180th
        meridian; the haversine formula then cuts its corners. Around a pole the box is the whole cap.
        """
        boxes = Q()
        for west, south, east, north in _boxes(latitude, longitude, radius_km):
            box = Func(_point(west, south), _point(east, north), function="box")
            boxes |= Q(_InBox(_point(F("longitude"), F("latitude")), box))
        return self.alias(km=_distance(latitude, longitude)).filter(boxes, km__lte=radius_km)


class _InBox(Func):
    arity = 2
    arg_joiner = " <@ "
    template = "%(expressions)s"
    output_field = models.BooleanField()


def _point(x: float | F, y: float | F) -> Func:
    return Func(x, y, function="point", output_field=models.Field())


def _boxes(latitude: float, longitude: float, radius_km: float) -> list[tuple[float, float, float, float]]:
    """Return the (west, south, east, north) boxes that hold a circle, in degrees."""
    radius = math.radians(min(180.0, math.degrees(radius_km / EARTH_RADIUS)))
    # A little more than the circle: what rounding adds, the haversine formula takes away.
    south, north = (latitude + sign * (math.degrees(radius) + 1e-6) for sign in (-1, 1))
    if south <= -90 or north >= 90:
        return [(-180.0, south, 180.0, north)]
    wide = math.degrees(math.asin(min(1.0, math.sin(radius) / math.cos(math.radians(latitude))))) + 1e-6
    west, east = longitude - wide, longitude + wide
    if west < -180:
        return [(-180.0, south, east, north), (west + 360, south, 180.0, north)]
    if east > 180:
        return [(west, south, 180.0, north), (-180.0, south, east - 360, north)]
    return [(west, south, east, north)]


def _distance(latitude: float, longitude: float) -> CombinedExpression:
    """Return the expression of a place's distance in km from a point: the haversine formula."""
    north = Power(Sin(Radians(F("latitude") - latitude) / 2), 2)
    east = Power(Sin(Radians(F("longitude") - longitude) / 2), 2)
    shrunk = Cos(Radians(Value(latitude))) * Cos(Radians(F("latitude"))) * east
    return 2 * EARTH_RADIUS * ASin(Sqrt(Least(Value(1.0), north + shrunk)))


class Place(models.Model):
    """A city that somebody of ours lives in."""

    geoname_id = models.PositiveIntegerField(primary_key=True)
    name = models.CharField(max_length=200)
    region = models.CharField(max_length=20, blank=True, help_text="State or province, as its code.")
    country = models.CharField(max_length=2)
    latitude = models.FloatField()
    longitude = models.FloatField()
    population = models.PositiveIntegerField(default=0)

    objects = PlaceQuerySet.as_manager()

    class Meta:
        indexes = [GistIndex(Func(F("longitude"), F("latitude"), function="point"), name="place_point")]
        constraints = [
            models.CheckConstraint(
                condition=Q(latitude__range=(-90, 90), longitude__range=(-180, 180)), name="place_on_earth"
            )
        ]

    def __str__(self) -> str:
        return ", ".join(part for part in (self.name, self.region, self.country) if part)
