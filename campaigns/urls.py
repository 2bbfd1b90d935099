"""Addresses of campaigns."""

from django.urls import URLPattern, URLResolver, path

from campaigns import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("me", views.me, name="me"),
    path("me/invitations/<int:pk>", views.answer, name="answer"),
    path("me/breaks", views.rest, name="rest"),
    path("me/breaks/<int:pk>", views.end, name="end_rest"),
    path("join/<str:token>", views.join, name="join"),
    path("i/<str:token>", views.invitation, name="invitation"),
]
