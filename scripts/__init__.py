"""What the Makefile runs: the environment, the local stack, the compose stack's secrets."""
