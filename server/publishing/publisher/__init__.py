"""The publisher: what is due goes to its channel, step by step, each visible call once."""
