"""How often the interval of a campaign's lift holds the truth, by itself and by the methods that were rejected."""
