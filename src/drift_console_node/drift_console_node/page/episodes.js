// The recorded episodes: a list, one replayed, relabelled, dropped and put back. What the page shows was read again
// after each change; the answer to a press alone changes nothing here.
import { button, element, say } from "./elements.js";
import { getJson, postJson } from "./ask.js";
import { driverBar } from "./driver_bar.js";
import { Replay } from "./replay.js";
import { fold, onNews } from "./fold.js";

const OUTCOMES = ["success", "failure", "unknown"];
const SIGNS = { success: "✓", failure: "✗", unknown: "?" };

export const episodes = {
  name: "episodes",
  label: "Recorded episodes",
  mount(place, desk) {
    new Episodes(place, desk);
  },
};

class Episodes {
  constructor(place, desk) {
    this.desk = desk;
    this.found = null;
    this.chosen = null;
    this.replay = null;
    const { body, details, title } = fold(place, "Recorded episodes", () => this.refresh());
    this.title = title;
    this.details = details;
    this.said = element("p", { className: "outcome" });
    this.said.setAttribute("aria-live", "polite");
    this.undo = element("span");
    this.list = element("ul", { className: "episode-list", tabIndex: 0 });
    this.list.setAttribute("aria-label", "episodes, newest first");
    this.dropped = element("div", { className: "dropped" });
    this.film = element("div", { className: "replay" });
    this.judge = element("div", { className: "row" });
    this.heading = element("h3");
    this.side = element("div", { className: "chosen", hidden: true }, [this.heading, this.film, this.judge]);
    const left = element("div", {}, [this.list, this.dropped]);
    body.append(element("div", { className: "row said" }, [this.said, this.undo]),
      element("div", { className: "two" }, [left, this.side]));
    onNews(desk, () => {
      if (details.open) this.refresh();
    });
    desk.addEventListener("fresh", () => this.refresh());
  }

  async refresh() {
    const answer = await getJson("/api/episodes");
    if (!answer.ok) {
      say(this.said, `The list could not be read: ${answer.text}`);
      return false;
    }
    this.found = answer.value;
    this.show();
    return true;
  }

  show() {
    const { episodes: lines, in_all: count, broken, dropped } = this.found;
    say(this.title, `Recorded episodes (${count})`);
    const rows = lines.map((line) => this.row(line));
    for (const [name, why] of Object.entries(broken)) {
      rows.push(element("li", { className: "broken", textContent: `${name}: ${why}` }));
    }
    if (!rows.length) rows.push(element("li", { textContent: "Nothing was recorded yet." }));
    if (count > lines.length) rows.push(element("li", { textContent: `and ${count - lines.length} older ones` }));
    const focused = document.activeElement?.dataset?.episode;
    this.list.replaceChildren(...rows);
    if (focused) this.list.querySelector(`[data-episode="${CSS.escape(focused)}"]`)?.focus();
    this.dropped.replaceChildren();
    if (dropped.length) {
      this.dropped.append(element("h3", { textContent: `Dropped (${dropped.length}): nothing trains on them` }));
      for (const line of dropped) {
        this.dropped.append(element("div", { className: "row" }, [
          element("span", { textContent: line.id }),
          button("Put back", () => this.change("restore", line.id, {}, null), { disabled: !this.desk.drives }),
        ]));
      }
    }
    const line = lines.find((each) => each.id === this.chosen);
    if (this.chosen !== null && !line) this.close();
    else if (line) this.showJudge(line);
  }

  row(line) {
    const pick = button("", () => this.open(line.id), { className: "pick" });
    pick.dataset.episode = line.id;
    pick.setAttribute("aria-pressed", String(line.id === this.chosen));
    pick.append(
      element("span", { className: `end ${line.outcome}`, textContent: `${SIGNS[line.outcome]} ${line.outcome}${scored(line)}` }),
      element("span", { className: "name", textContent: line.id }),
      driverBar(line.drives, line.duration_s),
      element("span", { className: "facts", textContent: facts(line) }),
    );
    return element("li", {}, [pick]);
  }

  open(id) {
    if (this.chosen === id) {
      this.close();
      this.show();
      return;
    }
    this.replay?.close();
    this.chosen = id;
    say(this.heading, id);
    this.side.hidden = false;
    this.replay = new Replay(this.film, id);
    this.show();
    this.side.scrollIntoView({ block: matchMedia("(max-width: 800px)").matches ? "start" : "nearest" });
  }

  close() {
    this.replay?.close();
    this.replay = null;
    this.chosen = null;
    this.side.hidden = true;
    this.judge.replaceChildren();
    delete this.judge.dataset.shown;
  }

  showJudge(line) {
    const now = JSON.stringify([line.id, line.outcome, line.score]);
    if (this.judge.dataset.shown === now) return;
    this.judge.dataset.shown = now;
    const off = !this.desk.drives;
    const before = { outcome: line.outcome, score: line.score };
    const label = (outcome, score) => this.change("relabel", line.id, { outcome, score }, before);
    const kept = (outcome) => (outcome === line.outcome ? line.score : null); // a score is that of its outcome
    const buttons = OUTCOMES.map((outcome) => {
      const made = button(`${SIGNS[outcome]} ${outcome}`, () => label(outcome, kept(outcome)), { disabled: off });
      made.setAttribute("aria-pressed", String(outcome === line.outcome));
      return made;
    });
    const score = element("select", { disabled: off, ariaLabel: "score" });
    score.append(element("option", { value: "none", textContent: "no score" }));
    const shown = line.score === null ? [] : [line.score];
    for (const value of [...new Set([...Array.from({ length: 11 }, (_, n) => n / 10), ...shown])].sort((a, b) => a - b)) {
      score.append(element("option", { value: String(value), textContent: `score ${rounded(value)}` }));
    }
    score.value = line.score === null ? "none" : String(line.score);
    score.addEventListener("change", () => {
      const value = score.value === "none" ? null : Number(score.value);
      score.value = line.score === null ? "none" : String(line.score); // until the store says so
      label(line.outcome, value);
    });
    const drop = button("Drop", () => this.change("drop", line.id, {}, {}), { className: "drop", disabled: off });
    this.judge.replaceChildren(...buttons, score, drop);
  }

  // Asks for a change, reads the list again, and says what that shows; `before`: what undo goes back to.
  async change(what, id, body, before) {
    this.undo.replaceChildren();
    say(this.said, `${id}: ${what} asked…`);
    const answer = await postJson(`/api/episodes/${encodeURIComponent(id)}/${what}`, body);
    const read = await this.refresh();
    if (!answer.ok) {
      say(this.said, `${id}: ${what} refused: ${answer.text}`);
      return;
    }
    if (!read) return;
    const line = this.found.episodes.find((each) => each.id === id);
    const gone = this.found.dropped.some((each) => each.id === id);
    if (what === "drop" && (!gone || line)) say(this.said, `${id}: not dropped`);
    else if (what === "drop") this.offerUndo(`${id} is dropped.`, () => this.change("restore", id, {}, null));
    else if (!line) say(this.said, `${id}: not in the list`);
    else if (what === "restore") say(this.said, `${id} is back.`);
    else this.offerUndo(`${id} is ${line.outcome}${scored(line)}.`, () => this.change("relabel", id, before, null), before !== null);
  }

  offerUndo(text, undo, offered = true) {
    say(this.said, text);
    if (offered) this.undo.replaceChildren(button("Undo", undo));
  }
}

function scored(line) {
  return line.score === null ? "" : ` ${rounded(line.score)}`;
}

function rounded(score) {
  return Number(score.toFixed(2));
}

function facts(line) {
  const parts = [line.kind, `${line.duration_s.toFixed(1)}\u00a0s`];
  if (line.policy_versions.length) parts.push(`v${line.policy_versions.join(", v")}`);
  if (line.take_overs && line.kind !== "demonstration") parts.push(`${line.take_overs} take-over${line.take_overs > 1 ? "s" : ""}`);
  if (line.expert_s) parts.push(`${line.expert_s.toFixed(1)}\u00a0s by a person`);
  if (line.held_out) parts.push("held out");
  if (line.weight !== 1) parts.push(`weight ${line.weight}`);
  if (line.repaired) parts.push("repaired");
  return parts.join(" · ");
}
