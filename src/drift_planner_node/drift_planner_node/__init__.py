"""Plans ways around what is in the cell, and checks poses; commands nothing."""
