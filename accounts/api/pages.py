"""Cursor pages."""

from rest_framework.pagination import CursorPagination


class Pages(CursorPagination):
    """Pages by cursor: stable while rows come and go, and as quick on the thousandth page as on the first."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
