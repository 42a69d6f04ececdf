"""Sound by YAMNet, a network of AudioSet's events, through tensorflow-hub."""
