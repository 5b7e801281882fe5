"""How much may be asked for: charged before a request is sent, corrected when it is over."""
