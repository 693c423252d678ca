"""Tasks of others, one file each: these run in virtual environments of their own, not in ours."""
