"""From one modality to tokens and one pooled vector: the towers, their names, the processor."""
