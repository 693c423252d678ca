// The running episode: start, judge, break off.
import { button, element, say } from "./elements.js";

const BUTTONS = [
  ["start", "Start", "N"],
  ["success", "Success", "Y"],
  ["failure", "Failure", "X"],
  ["end", "Break off", ""],
];

export const episode = {
  name: "episode",
  label: "Episode",
  mount(place, desk) {
    const outcome = element("p", { className: "outcome" });
    outcome.setAttribute("aria-live", "polite");

    async function ask(what, word) {
      say(outcome, `${word}: asked`);
      const { accepted, text } = await desk.press(what);
      say(outcome, accepted ? text : `${word} refused: ${text}`);
    }

    const made = BUTTONS.map(([what, word, key]) =>
      button(key ? `${word} ${key}` : word, () => ask(what, word), { className: what, disabled: !desk.drives }),
    );
    place.append(element("h2", { textContent: "Episode" }), element("div", { className: "row" }, made), outcome);
    addEventListener("drift-key", (event) => {
      const found = BUTTONS.find(([, , key]) => key && `Key${key}` === event.detail);
      if (found) ask(found[0], found[1]);
    });
  },
};
