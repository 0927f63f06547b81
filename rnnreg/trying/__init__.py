"""`rnnreg try FILE`: which regularizer helps a recurrent network on a file of one's own."""
