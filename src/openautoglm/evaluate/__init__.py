"""How good a model is on a catalogue: figures with definitions and intervals, reports, pictures."""
