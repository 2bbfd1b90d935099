"""What a campaign brought, against people who were held back. Arrays in, arrays out; knows no Django.

Of those chosen some are drawn at random and not invited: the holdout. Whatever else happens, a season, a piece of
news, a network that grows, happens to the holdout too. So the lift is the difference in differences

    (after - before) of the invited  -  (after - before) of the holdout

of mentions per person. Which of the chosen were drawn is chance, and so is part of who mentions what: how far the lift
may be chance is what the interval says.
"""

from campaigns.returns.bootstrap import intervals
from campaigns.returns.lift import LEAST_DAYS, LEAST_MENTIONS, LEAST_PEOPLE, Counts, Lift, lift

__all__ = ["LEAST_DAYS", "LEAST_MENTIONS", "LEAST_PEOPLE", "Counts", "Lift", "intervals", "lift"]
