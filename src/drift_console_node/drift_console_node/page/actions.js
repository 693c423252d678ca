// Arm (held for a second), home, and driving.
import { button, element, say } from "./elements.js";
import { Drive } from "./drive.js";

const HOLD_MS = 1000;

export const actions = {
  name: "actions",
  label: "Arm and drive",
  mount(place, desk) {
    const arm = element("button", { type: "button", className: "arm", textContent: "Arm (hold 1 s)" });
    const outcome = element("p", { className: "outcome" });
    outcome.setAttribute("aria-live", "polite");
    const home = button("Home", () => ask("home", "Home"));
    place.append(arm, home, outcome);
    if (!desk.drives) {
      for (const each of [arm, home]) each.disabled = true;
      place.append(element("p", { textContent: "This page was opened to look: it can stop, and nothing else." }));
      return;
    }
    let timer = null;

    async function ask(what, word) {
      say(outcome, `${word}: asked`);
      const { accepted, text } = await desk.press(what);
      say(outcome, accepted ? "" : `${word} refused: ${text}`);
    }

    function begin() {
      if (timer !== null) return;
      arm.classList.add("filling");
      timer = setTimeout(() => {
        end();
        ask("arm", "Arm");
      }, HOLD_MS);
    }

    function end() {
      clearTimeout(timer);
      timer = null;
      arm.classList.remove("filling");
    }

    arm.addEventListener("pointerdown", (event) => {
      arm.releasePointerCapture(event.pointerId); // a finger's, else it never leaves
      begin();
    });
    arm.addEventListener("contextmenu", (event) => event.preventDefault()); // of a finger that stays
    for (const name of ["pointerup", "pointerleave", "pointercancel", "blur"]) arm.addEventListener(name, end);
    arm.addEventListener("keydown", (event) => {
      if (event.code === "Enter" && !event.repeat) begin();
    });
    arm.addEventListener("keyup", end);
    addEventListener("drift-stop", end);
    desk.onState((state) => {
      arm.hidden = state.gate?.armed === true;
    });
    new Drive(place, desk);
  },
};
