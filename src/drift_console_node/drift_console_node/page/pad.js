// A pad by the Gamepad API in its standard mapping: axes 0, 1 left stick right and down, 2, 3 right stick; 12 to 15
// the cross. Motions: x forward, y left, z up (as config/joysticks/gamepad.yaml).
const DEAD_ZONE = 0.1;
const EXPONENT = 1.5; // finer near the centre
const ENABLE = 4; // left shoulder
const FINE = 5; // right shoulder: a quarter of the speed
export const STOP = 8;
export const CLAIM = 9;

function shaped(value) {
  const beyond = (Math.min(Math.abs(value), 1) - DEAD_ZONE) / (1 - DEAD_ZONE);
  return beyond > 0 ? Math.sign(value) * beyond ** EXPONENT : 0;
}

export function readPad(pad) {
  const held = (index) => pad.buttons[index]?.pressed === true;
  const scale = held(FINE) ? 0.25 : 1;
  const axis = (index) => -shaped(pad.axes[index] ?? 0) * scale;
  const cross = (plus, minus) => (held(plus) - held(minus)) * scale;
  return {
    deadman: held(ENABLE),
    axes: [axis(1), axis(0), axis(3), cross(15, 14), cross(12, 13), axis(2)],
    gripper: held(1) - held(0),
    src: `pad ${pad.index}: ${pad.id}`.slice(0, 100),
  };
}
