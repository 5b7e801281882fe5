"""What tokens cost, what may be spent, and the record of what was used."""
