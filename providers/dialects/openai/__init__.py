"""The OpenAI Chat Completions API, spoken by most upstreams."""
