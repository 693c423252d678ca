// Two recorded attempts side by side: which was better? A, B, E equal, S skip; the answers are those of drift prefer.
import { button, element, say } from "./elements.js";
import { getJson, postJson } from "./ask.js";
import { Replay } from "./replay.js";
import { fold } from "./fold.js";

const ANSWERS = [["a", "A is better", "KeyA"], ["b", "B is better", "KeyB"], ["equal", "Equal", "KeyE"], ["skip", "Skip", "KeyS"]];
const SAID = { a: (a, b) => `${a} over ${b}`, b: (a, b) => `${b} over ${a}`, equal: (a, b) => `${a} as good as ${b}` };

export const pairs = {
  name: "pairs",
  label: "Compare attempts",
  mount(place, desk) {
    new Pairs(place, desk);
  },
};

class Pairs {
  constructor(place, desk) {
    this.desk = desk;
    this.queue = [];
    this.skipped = new Set();
    this.players = [];
    this.busy = false;
    const { body, details } = fold(place, "Compare attempts", () => this.refresh());
    this.said = element("p", { className: "outcome" });
    this.said.setAttribute("aria-live", "polite");
    this.sides = element("div", { className: "sides" });
    this.buttons = ANSWERS.map(([answer, text, code]) =>
      button(`${text} (${code.slice(3)})`, () => this.answer(answer), { className: answer, disabled: true }));
    this.both = button("Play both", () => this.play(), { disabled: true });
    this.panel = element("div", { className: "compare", tabIndex: -1 },
      [this.sides, element("div", { className: "row" }, [this.both, ...this.buttons]), this.said]);
    this.panel.addEventListener("keydown", (event) => {
      const found = ANSWERS.find(([, , code]) => code === event.code);
      if (found && !event.repeat && !event.ctrlKey && !event.metaKey && !event.altKey) this.answer(found[0]);
    });
    details.addEventListener("toggle", () => {
      if (!details.open) this.clear();
    });
    body.append(this.panel);
  }

  async refresh(focus = false) {
    const found = await getJson("/api/pairs");
    if (!found.ok) {
      say(this.said, found.text);
      return null;
    }
    this.queue = found.value.pairs.filter((pair) => !this.skipped.has(nameOf(pair)));
    this.show(found.value.marks.length);
    if (focus) this.panel.focus();
    return found.value.marks;
  }

  show(count) {
    this.clear();
    const pair = this.queue[0];
    const off = !pair || !this.desk.drives;
    for (const each of this.buttons) each.disabled = off;
    this.both.disabled = !pair;
    if (!pair) {
      this.sides.replaceChildren(element("p", { textContent: `No pair is waiting. ${count} were compared.` }));
      return;
    }
    this.sides.replaceChildren(...pair.map((line, index) => {
      const film = element("div", { className: "replay" });
      this.players.push(new Replay(film, line.id, { withPlots: false }));
      const letter = "AB"[index];
      return element("div", {}, [element("h3", { textContent: `${letter}: ${line.id}` }), film]);
    }));
  }

  clear() {
    for (const player of this.players) player.close();
    this.players = [];
  }

  play() {
    for (const player of this.players) {
      player.pause();
      player.atS = 0;
      player.play();
    }
  }

  async answer(answer) {
    const pair = this.queue[0];
    if (!pair || this.busy || !this.desk.drives) return;
    const [a, b] = pair.map((line) => line.id);
    if (answer === "skip") {
      this.skipped.add(nameOf(pair));
      await this.refresh(true);
      say(this.said, `skipped: ${a} and ${b}`);
      return;
    }
    this.busy = true;
    say(this.said, "asked…");
    const done = await postJson("/api/pairs", { a, b, answer });
    const marks = await this.refresh(true);
    this.busy = false;
    if (!done.ok) say(this.said, `refused: ${done.text}`);
    else if (marks?.some((mark) => mark.a === a && mark.b === b && mark.answer === answer)) say(this.said, `kept: ${SAID[answer](a, b)}`);
    else say(this.said, "not kept");
  }
}

function nameOf(pair) {
  return pair.map((line) => line.id).join(" ");
}
