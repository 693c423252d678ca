"""Ways of the arm around what it must not touch. Whoever plans commands nothing: that is the gate's."""
