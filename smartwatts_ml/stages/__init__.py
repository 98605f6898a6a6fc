"""The stages of a retraining; ``order`` alone knows which follows which."""
