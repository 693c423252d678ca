// What learning has come to, by episode and by policy version: success without help, how much a person drove, loss,
// rank; and a list of the versions.
import { element, say } from "./elements.js";
import { getJson } from "./ask.js";
import { drawGrowth, drawLog, drawOutcomes, drawShares, drawSteps } from "./plot.js";
import { fold, onNews } from "./fold.js";

const SHOWN = 12; // versions of a chart and of the list
const LAST = 10; // attempts, whose share of successes is drawn

export const learning = {
  name: "learning",
  label: "Learning",
  mount(place, desk) {
    new Learning(place, desk);
  },
};

class Learning {
  constructor(place, desk) {
    this.found = null;
    const wide = matchMedia("(min-width: 801px)").matches;
    const { body, details } = fold(place, "Learning", () => this.refresh(), wide);
    this.charts = [
      chart(`Success of the last ${LAST} attempts`, (canvas) => this.attempts(canvas)),
      chart("Labels: what a person has shown", (canvas) => this.shown(canvas)),
      chart("Success without help", (canvas) => this.success(canvas)),
      chart("A person drove", (canvas) => this.share(canvas)),
      chart("Held-out loss", (canvas) => this.loss(canvas)),
      chart("Rank trained", (canvas) => this.rank(canvas)),
    ];
    this.facts = element("p", { className: "facts" });
    this.versions = element("ol", { className: "versions", tabIndex: 0 });
    this.versions.setAttribute("aria-label", "versions of the policy, newest first");
    body.append(
      element("div", { className: "charts" }, this.charts.map((each) => each.figure)),
      this.facts,
      this.versions,
    );
    new ResizeObserver(() => this.draw()).observe(body);
    onNews(desk, () => {
      if (details.open) this.refresh();
    });
    desk.onState((state) => this.tell(state));
  }

  async refresh() {
    const answer = await getJson("/api/learning");
    if (!answer.ok) {
      say(this.facts, `What was learned could not be read: ${answer.text}`);
      return;
    }
    this.found = answer.value;
    this.at = performance.now();
    this.draw();
    this.list();
  }

  draw() {
    if (this.found === null) return;
    for (const each of this.charts) each.draw();
  }

  progress() {
    return this.found.progress.slice(-SHOWN);
  }

  checkpoints() {
    return this.found.checkpoints.filter((line) => line.info !== null).slice(0, SHOWN).reverse();
  }

  attempts(canvas) {
    const rows = this.found.episodes.filter((row) => row.unaided !== null);
    if (!rows.length) return "no attempt was judged yet";
    const last = (index) => rows.slice(Math.max(0, index + 1 - LAST), index + 1);
    const share = (some) => some.filter((row) => row.unaided).length / some.length;
    drawOutcomes(canvas, rows.map((row, index) => ({ x: row.number, well: row.unaided, value: share(last(index)) })), "#0072b2");
    const newest = last(rows.length - 1);
    return `${newest.filter((row) => row.unaided).length} of the last ${newest.length}, without help, by episode`;
  }

  shown(canvas) {
    const rows = this.found.episodes;
    if (!rows.length || !rows.at(-1).shown_s) return "no person has driven yet";
    drawGrowth(canvas, rows.map((row) => ({ x: row.number, value: row.shown_s })), "#8a5a00");
    return `${rows.at(-1).shown_s.toFixed(1)} s in ${rows.at(-1).number} episodes, by episode`;
  }

  success(canvas) {
    const rows = this.progress().filter((row) => row.unaided !== null);
    if (!rows.length) return "no episode was judged yet";
    const points = rows.map(({ version, unaided }) => ({ x: version, ...unaided, text: `${unaided.successes}/${unaided.trials}` }));
    drawShares(canvas, points, this.found.running, "#0072b2");
    const last = rows.at(-1);
    const { successes, trials, low, high } = last.unaided;
    const few = last.enough ? "" : "; too few to compare, 20 are enough";
    return `v${last.version}: ${successes} of ${trials}, 95 % interval ${percent(low)} to ${percent(high)}${few}`;
  }

  share(canvas) {
    const rows = this.progress().filter((row) => row.driven_s > 0);
    if (!rows.length) return "no policy drove yet";
    const points = rows.map((row) => ({ x: row.version, value: row.expert_s / row.driven_s, text: percent(row.expert_s / row.driven_s) }));
    drawShares(canvas, points, this.found.running, "#8a5a00");
    const last = rows.at(-1);
    const rate = (60 * last.take_overs) / last.driven_s;
    return `v${last.version}: ${percent(last.expert_s / last.driven_s)} of the time, ${rate.toFixed(1)} take-overs a minute`;
  }

  loss(canvas) {
    const points = this.checkpoints().filter((line) => line.info.loss > 0).map((line) => ({ x: line.version, value: line.info.loss }));
    if (!points.length) return "no version has told its loss";
    drawLog(canvas, points, "#16181d");
    return `v${points.at(-1).x}: ${points.at(-1).value.toPrecision(3)}, logarithmic`;
  }

  rank(canvas) {
    const points = this.checkpoints().map((line) => ({ x: line.version, value: line.info.effective_rank }));
    if (!points.length) return "there is no version yet";
    drawSteps(canvas, points, "#007a5a");
    return `v${points.at(-1).x}: ${percent(points.at(-1).value)} of the full rank`;
  }

  list() {
    const success = new Map(this.found.progress.map((row) => [row.version, row]));
    const rows = this.found.checkpoints.slice(0, 60).map((line) => {
      const parts = [];
      const rate = success.get(line.version)?.unaided;
      if (rate) parts.push(`${rate.successes}/${rate.trials} without help`);
      if (line.info === null) parts.push(line.fault);
      else {
        parts.push(line.info.reason, new Date(line.info.created_s * 1000).toLocaleString());
        parts.push(`rank ${percent(line.info.rank)}`, `step ${line.info.step}`);
        if (line.info.loss !== null) parts.push(`loss ${line.info.loss.toPrecision(3)}`);
      }
      const runs = line.version === this.found.running;
      return element("li", { className: runs ? "runs" : "" }, [
        element("strong", { textContent: `v${line.version}${runs ? " runs" : ""} ` }),
        element("span", { textContent: parts.join(" · ") }),
      ]);
    });
    this.versions.replaceChildren(...(rows.length ? rows : [element("li", { textContent: "There is no version yet." })]));
  }

  tell(state) {
    if (this.found === null) return;
    const parts = [];
    const learned = this.found.learned;
    if (learned) {
      parts.push(`v${this.found.running} has learned from ${learned.trained_on} of ${learned.named} corrections, ${learned.labels} labels`);
      if (learned.newest_age_s !== null) {
        const age = learned.newest_age_s + (performance.now() - this.at) / 1000;
        parts.push(`the newest of them is ${age < 120 ? `${Math.round(age)} s` : `${Math.round(age / 60)} min`} old`);
      }
    }
    const labels = state.trainer?.values.expert_labels_in_store;
    if (labels) parts.push(`${labels} labels in the store`);
    say(this.facts, parts.join("; "));
  }
}

function chart(title, draw) {
  const canvas = element("canvas", { className: "chart" });
  canvas.setAttribute("role", "img");
  const caption = element("figcaption");
  const figure = element("figure", { className: "chart" }, [element("h3", { textContent: title }), canvas, caption]);
  return {
    figure,
    draw() {
      canvas.hidden = false;
      canvas.width = 0;
      const text = draw(canvas);
      canvas.hidden = canvas.width === 0; // there was nothing to draw
      canvas.setAttribute("aria-label", `${title}: ${text}`);
      say(caption, text);
    },
  };
}

function percent(share) {
  return `${Math.round(100 * share)} %`;
}
