"""What is asked and what is known: names, studies, records. No torch."""
