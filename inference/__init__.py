"""What answers: text and pictures to vectors, the GIF index, the ranking."""
