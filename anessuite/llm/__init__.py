"""Language models: one client over any OpenAI-compatible endpoint, its cache, its limits."""
