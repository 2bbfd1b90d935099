"""Addresses of scoring."""

from django.urls import URLPattern, URLResolver, path

from scoring import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("p/", views.find_profile, name="find_profile"),
    # A handle may hold a slash: that of a website, or of a network where ids are addresses.
    path("p/<path:handle>", views.profile, name="profile"),
    path("why/<path:handle>", views.explanation, name="explanation"),
    path("reactions/<path:handle>", views.reactions, name="reactions"),
    path("appeal", views.appeal, name="appeal"),
    path("about-the-score", views.about_the_score, name="about_the_score"),
    path("how-it-works", views.how_it_works, name="how_it_works"),
]
