"""Whether a post says that it is an ad: labels by language and country. Texts in, verdicts out; knows no Django.

What stands here was read from a text alone. A network's own switch ("Paid partnership"), a word in a picture or said in
a video isn't seen, so "missing" means "not in the text", and is a reason to look, never a proof.
"""

from campaigns.disclosure.finding import Remark, Verdict, judge
from campaigns.disclosure.table import GENERAL, RULES, Rule, Where, advice_for, rule_for

__all__ = ["GENERAL", "RULES", "Remark", "Rule", "Verdict", "Where", "advice_for", "judge", "rule_for"]
