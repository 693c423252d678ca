// What the page consists of. A section is a module with `name`, `label` and `mount(place, desk)`: it fills the
// element `place`, and listens to `desk` (desk.js). One without a place in index.html is put at the end.
import { stop } from "./stop.js";
import { header } from "./header.js";
import { cameras } from "./cameras.js";
import { actions } from "./actions.js";
import { episode } from "./episode.js";
import { sounds } from "./sounds.js";
import { help } from "./help.js";
import { faults } from "./faults.js";
import { policy } from "./policy.js";
import { learning } from "./learning.js";
import { episodes } from "./episodes.js";
import { pairs } from "./pairs.js";

export const SECTIONS = [
  stop, header, cameras, actions, sounds, help, episode, faults, policy, learning, episodes, pairs,
];
