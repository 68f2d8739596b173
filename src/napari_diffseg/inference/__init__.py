"""The engine: plan, sample, restore, accumulate."""
