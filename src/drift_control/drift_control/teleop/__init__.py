"""The person's hand: joystick, buttons, and what they ask for."""
