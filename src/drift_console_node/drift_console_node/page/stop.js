// Stop: by pointer, Space or Esc, two ways at once, repeated until gate/state says that the arm is held.
import { element, say } from "./elements.js";
import { newId } from "./desk.js";

const AGAIN_MS = 100;
const WARN_MS = 500;

export const stop = {
  name: "stop",
  label: "Stop",
  mount(place, desk) {
    const word = place.querySelector("#stop-word");
    const hint = place.querySelector("#stop-hint");
    const overlay = element("div", { id: "not-stopped", className: "overlay alarm", hidden: true }, [
      element("strong", { textContent: "STOP NOT CONFIRMED" }),
      element("p", { textContent: "Press the hardware emergency stop. The page goes on asking." }),
    ]);
    overlay.setAttribute("role", "alert");
    document.body.append(overlay);
    let press = null; // id and when, while it is not confirmed

    function ask() {
      desk.send({ type: "stop", id: press.id });
      fetch("/api/stop", {
        method: "POST",
        keepalive: true,
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ id: press.id }),
      }).catch(() => {});
    }

    function begin() {
      if (press === null) {
        press = { id: newId(), at: performance.now() };
        press.timer = setInterval(() => {
          overlay.hidden = performance.now() - press.at < WARN_MS;
          ask();
        }, AGAIN_MS);
        say(word, "Stopping…");
      }
      ask();
      dispatchEvent(new Event("drift-stop")); // whoever drives lets go
    }

    function confirmed(took) {
      clearInterval(press.timer);
      press = null;
      overlay.hidden = true;
      say(hint, `confirmed after ${took} ms`);
    }

    desk.onState((state) => {
      if (press !== null) {
        const after = state.stop[press.id];
        if (after !== undefined && after !== null) confirmed(Math.round(performance.now() - press.at));
      }
      const gate = state.gate;
      const held = gate !== null && (gate.state === "HOLD" || gate.state === "FAULT") && !gate.armed;
      if (press === null) say(word, held ? "Stopped" : "Stop (software)");
      if (press === null && !held) say(hint, "Space or Esc");
      place.classList.toggle("held", held);
    });
    place.addEventListener("pointerdown", begin);
    place.addEventListener("click", (event) => {
      if (event.detail === 0) begin(); // Enter, or a screen reader
    });
    addEventListener("drift-press-stop", begin); // of a pad
    addEventListener("keydown", (event) => {
      if ((event.code === "Space" || event.code === "Escape") && !event.repeat) begin();
      if (event.code === "Space") event.preventDefault();
    }, { capture: true });
  },
};
