"""Write the model cards, a part for each."""
