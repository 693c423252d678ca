"""What the in-process shell drives: our scenes, and tasks of others in processes of their own."""
