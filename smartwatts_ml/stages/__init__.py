"""The five stages of a retraining, and the pipeline that alone knows their order."""
