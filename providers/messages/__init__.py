"""The neutral reply: parts in, Anthropic events or one folded message out."""
