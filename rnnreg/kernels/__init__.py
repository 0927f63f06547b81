"""Numbers: random draws and the time loop, plain and compiled. Knows of no study."""
