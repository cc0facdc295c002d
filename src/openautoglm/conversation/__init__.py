"""Conversation over a catalogue: turns in words → an explicit state → results and answers."""
