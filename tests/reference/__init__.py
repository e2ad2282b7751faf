"""The slow, plain models the product is held against; they share no code with it."""
