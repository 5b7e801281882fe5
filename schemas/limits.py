"""Bounds on what is read, so that hostile text costs neither time nor memory."""

from __future__ import annotations

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 100
MAX_NODES = 200_000
# lists and mappings that stand in place of aliases, unless more are written before them
MAX_ALIASED = 3_000
# entries of one list or mapping, and lists that are items of lists: nothing in a configuration has so many
MAX_ENTRIES = 50_000
MAX_LISTS_IN_LISTS = 5_000
# characters of a YAML text that is written in a way which only the library reads, slowly
MAX_ODD = 20_000
# findings of one kind shown per file; the rest would say the same
MAX_REPEATS = 50
# mistakes per file and stage, and findings shown of a file; a text with more wrong is wrong as a whole
MAX_FINDINGS = 1_000
# files that `include` names
MAX_INCLUDES = 1_000

# of a request of a client: the vendor's own limit of messages, and what no honest client comes near
MAX_MESSAGES = 100_000
MAX_BLOCKS = 100_000
MAX_TOOLS = 10_000
MAX_MODEL_CHARS = 1_000
