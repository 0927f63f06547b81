"""What is written in C++: compiled on first use, and never needed for a result."""
