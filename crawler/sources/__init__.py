"""Sources: as a run sees them, and as they come from lists and looks."""
