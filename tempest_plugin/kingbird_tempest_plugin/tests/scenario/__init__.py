"""What users want of Kingbird, from one end to the other."""
