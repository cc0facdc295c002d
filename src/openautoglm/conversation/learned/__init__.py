"""What was learned of how people say turns: which kind a turn is, and which of its words are meant."""
