"""The laboratory of the score: made-up worlds with known truth, real data, baselines and measures."""
