// The policy that runs, what was announced, the trainer, and going back.
import { button, duration, element, say } from "./elements.js";

export const policy = {
  name: "policy",
  label: "Policy",
  mount(place, desk) {
    const running = element("p", { className: "running" });
    const details = element("p");
    const trainer = element("p");
    const outcome = element("p", { className: "outcome" });
    outcome.setAttribute("aria-live", "polite");
    let asked = false;
    const back = button("Roll back…", async () => {
      if (!asked) {
        asked = true;
        say(back, "Roll back: press again");
        setTimeout(() => {
          asked = false;
          say(back, "Roll back…");
        }, 4000);
        return;
      }
      asked = false;
      say(back, "Roll back…");
      const { accepted, text } = await desk.press("rollback");
      say(outcome, accepted ? "" : `refused: ${text}`);
    }, { disabled: !desk.drives });
    place.append(element("h2", { textContent: "Policy" }), running, details, trainer, back, outcome);
    desk.onState((state) => {
      const runs = state.policy;
      if (runs === null) say(running, "no policy yet");
      else say(running, runs.version ? `v${runs.version} live since ${duration(runs.since_s)}` : "no checkpoint yet");
      const parts = [];
      if (runs?.version) parts.push(runs.text || runs.state.toLowerCase());
      if (runs?.version) parts.push(`${runs.sampler}, ${runs.engine}`);
      if (runs?.refusal) parts.push(`refused: ${runs.refusal}`);
      say(details, parts.join(" · "));
      const values = state.trainer?.values;
      say(trainer, values?.training ? `trainer: ${values.training}` : "");
      back.disabled = !desk.drives || state.lease.driving || ["EXPERT", "GUIDED"].includes(state.gate?.state);
    });
  },
};
