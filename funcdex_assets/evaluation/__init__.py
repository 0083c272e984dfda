"""How well a model calls functions: items, predictors, metrics, baselines and the table that compares them."""
