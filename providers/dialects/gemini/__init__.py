"""Gemini's native API: `generateContent` and `streamGenerateContent`."""
