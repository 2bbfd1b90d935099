"""The home page, how allauth is to behave, and who needs a second factor."""

from accounts.views.adapters import AccountAdapter, SecondFactorAdapter
from accounts.views.home import home
from accounts.views.second_factor import SecondFactorMiddleware, SetUpView

__all__ = ["AccountAdapter", "SecondFactorAdapter", "SecondFactorMiddleware", "SetUpView", "home"]
