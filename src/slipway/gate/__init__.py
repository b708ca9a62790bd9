"""From two models on one holdout to a verdict: pure functions, seeded by the keys."""
