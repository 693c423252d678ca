// Keys as a stick: F held enables; I K J L U O move, with Shift they turn; comma and full stop close and open.
const MOVES = {
  KeyI: [0, 1], KeyK: [0, -1], KeyJ: [1, 1], KeyL: [1, -1], KeyU: [2, 1], KeyO: [2, -1],
};
const TURNS = {
  KeyI: [4, 1], KeyK: [4, -1], KeyJ: [5, 1], KeyL: [5, -1], KeyU: [3, 1], KeyO: [3, -1],
};

export function readKeys(held) {
  const axes = [0, 0, 0, 0, 0, 0];
  const table = held.has("ShiftLeft") || held.has("ShiftRight") ? TURNS : MOVES;
  for (const [code, [axis, direction]] of Object.entries(table)) {
    if (held.has(code)) axes[axis] += direction;
  }
  return {
    deadman: held.has("KeyF"),
    axes,
    gripper: held.has("Period") - held.has("Comma"),
    src: "keys",
  };
}
