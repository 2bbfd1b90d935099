"""Why an action on campaigns refuses. Each message is a sentence that can be shown to the person who asked."""


class CampaignError(Exception):
    """Something that the rules of campaigns don't allow; nothing was changed."""


class NotYours(CampaignError):
    """The brand, campaign, person or invitation isn't the user's to do this with, or doesn't exist."""


class LastOwner(CampaignError):
    """A brand's only owner can't end their own work for it: nobody would be left to say who works there."""


class InvitingRefused(CampaignError):
    """A colleague can't be invited so, or not yet; the message says what to do."""


class NotOpen(CampaignError):
    """The campaign is over, or the invitation was answered otherwise or has expired."""


class NoPurpose(CampaignError):
    """Nobody wrote down yet what the campaign uses scores for."""


class SelectionRefused(CampaignError):
    """The group can't be as asked for; the message says what to change."""


class ApprovalRefused(CampaignError):
    """The group can't be sent or answered so, or isn't approved; the message says by whom it can be."""


class MeasuringRefused(CampaignError):
    """There is nothing to measure; the message says what is lacking."""


class SegmentRefused(CampaignError):
    """The filters or the list can't be kept as asked for; the message says what to change."""


class NoSeatLeft(CampaignError):
    """Every seat of the campaign is taken."""


class NoCodeLeft(CampaignError):
    """Every code of the campaign is out, or none was added."""


class NotOut(CampaignError):
    """The code isn't in a state from which this can be done."""


class AlreadyDone(CampaignError):
    """The post is in a state in which there is nothing to do; the message says which."""
