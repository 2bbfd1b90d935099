"""The home page, how allauth is to behave, who needs a second factor, and what only the signed-in send."""

from accounts.views.adapters import AccountAdapter, SecondFactorAdapter
from accounts.views.home import home
from accounts.views.posting import post_signed_in
from accounts.views.second_factor import SecondFactorMiddleware, SetUpView

__all__ = ["AccountAdapter", "SecondFactorAdapter", "SecondFactorMiddleware", "SetUpView", "home", "post_signed_in"]
