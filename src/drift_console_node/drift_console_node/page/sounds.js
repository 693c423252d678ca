// Short tones when somebody else drives, or nobody; off until they are asked for.
import { button } from "./elements.js";
import { inWords } from "./words.js";

// By what the state is: tones one after the other [Hz]. The policy has none.
const TONES = { person: [880], help: [660, 880], hold: [220], stopped: [330, 330, 330], lost: [520, 390] };
const TONE_S = 0.12;
const PAUSE_S = 0.06;
const LOUD = 0.15; // of 1
const AGAIN_MS = 2000; // while the link is lost

export const sounds = {
  name: "sounds",
  label: "Sounds",
  mount(place, desk) {
    let context = null; // while sounds are on
    let heard = ""; // the state that was told, also while they are off
    let again = null;
    const made = button("Sounds", () => {
      if (context === null) context = new AudioContext();
      else {
        context.close();
        context = null;
      }
      made.setAttribute("aria-pressed", String(context !== null));
    });
    made.setAttribute("aria-pressed", "false");
    place.append(made);

    function tell(kind) {
      if (kind === heard) return;
      heard = kind;
      clearInterval(again);
      play(kind);
      if (kind === "lost") again = setInterval(() => play(kind), AGAIN_MS);
    }

    function play(kind) {
      if (context === null) return;
      (TONES[kind] ?? []).forEach((tone, index) => {
        const begin = context.currentTime + index * (TONE_S + PAUSE_S);
        const gain = new GainNode(context, { gain: 0 });
        gain.gain.setTargetAtTime(LOUD, begin, 0.005); // without a click
        gain.gain.setTargetAtTime(0, begin + TONE_S - 0.03, 0.01);
        const oscillator = new OscillatorNode(context, { frequency: tone });
        oscillator.connect(gain).connect(context.destination);
        oscillator.start(begin);
        oscillator.stop(begin + TONE_S + PAUSE_S);
      });
    }

    desk.onState((state) => tell(inWords(state).kind));
    desk.addEventListener("lost", () => tell("lost"));
  },
};
