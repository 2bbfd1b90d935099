"""What a reach would be if some things were otherwise."""

from scoring.engine.arrays import Floats
from scoring.engine.attention import Attention, Caps
from scoring.engine.reach import there


def what_if(
    attention: Attention,
    *,
    caps: Caps,
    credibility: Floats,
    alive: Floats,
    supporters: int = 0,
    each: Floats | float = 0.0,
    rested: bool = False,
) -> Floats:
    """Return the reach with more genuine supporters, or with no time off.

        reach = (1 + credibility (V' + min(B, kappa_broad (broad_people + V')) + min(N, ...)))^alive - 1,
        V' = V + supporters each

    The formula of `reach.reach` at other values. What doesn't change here is what else a supporter would do: answer
    others, and so move their trust.

    Parameters
    ----------
    attention : Attention
        What supporters bring, arrays of shape (n,); with exchanges left in, what it would be without that discount.
    caps : Caps
        How far attention counts that nobody vouches for.
    credibility, alive : ndarray of float64, shape (n,)
        Factors, 0 to 1.
    supporters : int
        How many more, all vouched for.
    each : ndarray of float64, shape (n,), or float
        What one of them brings; `mean_supporter` gives it.
    rested : bool
        Whether the time since the last post is left out: somebody who declared a rest loses nothing by it.

    Returns
    -------
    ndarray of float64, shape (n,)
        People.
    """
    more = Attention(attention.vouched + supporters * each, attention.broad, attention.narrow)
    found = more.counted(caps).whole() * credibility
    return found if rested else there(found, alive)
