"""What the page and `ccr top` show: exchanges as they end, and what decides."""
