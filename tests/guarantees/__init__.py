"""What Quillroom promises when something breaks (docs/architecture.md, "What holds"), proved with real processes."""
