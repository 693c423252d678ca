// All keys and buttons in one place, shown by the button or by `?`. It covers neither stop nor who drives.
import { button, element } from "./elements.js";

const ANYWHERE = [
  ["Space, Esc", "stop, also while typing"],
  ["Tab, Enter", "go to the next button, press it"],
  ["?", "show this, or hide it"],
];
const KEYBOARD = [
  ["F, held", "drive; letting go hands back to the policy"],
  ["I K", "forward, back"],
  ["J L", "left, right"],
  ["U O", "up, down"],
  ["Shift with them", "turn instead"],
  [", .", "close, open the hand"],
  ["N Y X", "start an episode, success, failure"],
];
const PAD = [
  ["Start", "claim the pad"],
  ["left shoulder, held", "drive; letting go hands back to the policy"],
  ["left stick", "forward, left"],
  ["right stick", "up, turn"],
  ["cross", "roll, pitch"],
  ["A, B", "close, open the hand"],
  ["right shoulder", "a quarter of the speed"],
  ["Back", "stop"],
];
const COMPARE = [
  ["A B", "that one was better"],
  ["E S", "equal, skip"],
];

export const help = {
  name: "help",
  label: "Help",
  mount(place) {
    const panel = element("dialog", { id: "help", className: "help" });
    panel.setAttribute("aria-label", "Keys and buttons");
    const open = button("Keys ?", toggle, { className: "keys-help" });
    open.setAttribute("aria-expanded", "false");
    open.setAttribute("aria-controls", "help");
    const shut = button("Close", toggle);
    let before = open; // what had the focus
    panel.append(
      shut,
      table("Anywhere", ANYWHERE),
      table("After “Drive with keyboard”", KEYBOARD),
      table("While comparing attempts", COMPARE),
      table("Pad", PAD),
    );
    document.querySelector("main").append(panel);
    place.append(open);

    function toggle() {
      if (panel.open) panel.close();
      else {
        before = document.activeElement;
        panel.show(); // not modal: stop stays within reach
      }
      open.setAttribute("aria-expanded", String(panel.open));
      (panel.open ? shut : before).focus({ preventScroll: true });
    }

    addEventListener("keydown", (event) => {
      const typing = event.target instanceof Element && event.target.closest("input, textarea, select") !== null;
      if (event.key === "?" && !event.repeat && !typing) toggle();
    });
  },
};

function table(title, rows) {
  const lines = rows.map(([keys, what]) =>
    element("tr", {}, [element("th", { scope: "row", textContent: keys }), element("td", { textContent: what })]),
  );
  return element("table", {}, [element("caption", { textContent: title }), element("tbody", {}, lines)]);
}
