"""Seldon Core: the default and the canary are predictors of one `SeldonDeployment`."""
