"""What tests of a gate need: an ideal arm, random inputs and what must hold whatever comes in."""
