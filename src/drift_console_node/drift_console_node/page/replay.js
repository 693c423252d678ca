// One recorded episode: its cameras, who drove, and plots; played, or looked at moment by moment.
import { element, button, say } from "./elements.js";
import { getImage, getJson } from "./ask.js";
import { driverBar } from "./driver_bar.js";
import { curveColour, drawTimeline, timeUnder } from "./plot.js";

const KEPT = 240; // pictures
const AHEAD = 3; // pictures that are fetched before they are due
const SPEEDS = [1, 2, 4, 0.5];

// The pictures of one camera of an episode, fetched when they are due and kept for a while.
class Camera {
  constructor(id, name, timeline, onPicture) {
    this.path = `/api/episodes/${encodeURIComponent(id)}/frame?camera=${encodeURIComponent(name)}`;
    this.times = timeline.cameras[name];
    this.timeline = timeline;
    this.onPicture = onPicture;
    this.kept = new Map(); // number of a picture -> ImageBitmap, or null while it comes
    this.canvas = element("canvas", { width: 320, height: 240 });
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", `what camera ${name} recorded`);
    this.caption = element("figcaption", { textContent: name });
    this.figure = element("figure", {}, [this.canvas, this.caption]);
    this.name = name;
    this.closed = false;
  }

  // Shows the picture of a moment; true when it is there.
  show(atS) {
    const number = Math.max(lastBefore(this.times, atS), 0);
    for (let next = number; next <= Math.min(number + AHEAD, this.times.length - 1); next += 1) this.want(next);
    const picture = this.kept.get(number);
    if (!picture) return this.times.length === 0;
    if (this.shown !== number) {
      this.shown = number;
      this.canvas.width = picture.width;
      this.canvas.height = picture.height;
      this.canvas.getContext("2d").drawImage(picture, 0, 0);
      say(this.caption, `${this.name} · picture ${number + 1} of ${this.times.length}`);
    }
    return true;
  }

  async want(number) {
    if (this.kept.has(number) || this.closed) return;
    this.kept.set(number, null);
    const step = this.stepAt(this.times[number]);
    const found = await getImage(`${this.path}&step=${step}`);
    if (this.closed || !found.ok) {
      if (found.ok) found.value.close();
      else say(this.caption, `${this.name}: ${found.text}`);
      return;
    }
    this.kept.set(number, found.value);
    for (const [old, picture] of this.kept) {
      if (this.kept.size <= KEPT) break;
      picture?.close();
      this.kept.delete(old);
    }
    this.onPicture();
  }

  // The first control step at which this picture was the newest.
  stepAt(timeS) {
    const { time_s: times, step: steps } = this.timeline;
    const after = times.findIndex((value) => value >= timeS - 1e-6);
    return after < 0 ? steps[steps.length - 1] : steps[after];
  }

  close() {
    this.closed = true;
    for (const picture of this.kept.values()) picture?.close();
    this.kept.clear();
  }
}

function lastBefore(times, atS) {
  let found = -1;
  while (found + 1 < times.length && times[found + 1] <= atS + 1e-6) found += 1;
  return found;
}

export class Replay {
  // Shows episode `id` in `place`; `withPlots` false: cameras and bar only.
  constructor(place, id, { withPlots = true, onEnd = () => {} } = {}) {
    this.place = place;
    this.id = id;
    this.withPlots = withPlots;
    this.onEnd = onEnd;
    this.atS = 0;
    this.playing = false;
    this.speed = 1;
    this.cameras = [];
    this.closed = false;
    this.ready = this.load();
  }

  async load() {
    say(this.place, "loading…");
    const found = await getJson(`/api/episodes/${encodeURIComponent(this.id)}`);
    if (this.closed) return;
    if (!found.ok) {
      say(this.place, found.text);
      return;
    }
    this.timeline = found.value.timeline;
    this.build();
    this.show(0);
  }

  build() {
    const { timeline } = this;
    const fresh = () => {
      if (!this.playing) this.draw();
    };
    this.cameras = Object.keys(timeline.cameras).map((name) => new Camera(this.id, name, timeline, fresh));
    const films = element("div", { className: "films" }, this.cameras.map((camera) => camera.figure));
    this.cursor = element("span", { className: "cursor" });
    this.bar = element("div", { className: "bar" }, [driverBar(timeline.drives, timeline.length_s), this.cursor]);
    this.scrub = element("input", { type: "range", min: "0", max: String(timeline.length_s), step: "0.02", value: "0" });
    this.scrub.setAttribute("aria-label", `moment of episode ${this.id} in seconds`);
    this.scrub.addEventListener("input", () => {
      this.pause();
      this.show(Number(this.scrub.value));
    });
    this.playButton = button("Play", () => (this.playing ? this.pause() : this.play()), { className: "play" });
    this.speedButton = button("1×", () => {
      this.speed = SPEEDS[(SPEEDS.indexOf(this.speed) + 1) % SPEEDS.length];
      say(this.speedButton, `${this.speed}×`);
    });
    this.speedButton.setAttribute("aria-label", "speed");
    this.clock = element("span", { className: "clock" });
    const controls = [this.playButton, this.speedButton];
    if (timeline.take_overs_s.length) controls.push(button("Next take-over", () => this.toTakeOver()));
    controls.push(this.clock);
    this.canvases = [];
    const plots = this.withPlots ? timeline.plots.map((plot) => this.plotOf(plot)) : [];
    this.place.replaceChildren(films, this.bar, this.scrub, element("div", { className: "row" }, controls), ...plots);
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.place);
  }

  plotOf(plot) {
    const canvas = element("canvas", { className: "plot" });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${plot.title} in ${plot.unit} over time`);
    this.canvases.push([canvas, plot]);
    const point = (event) => {
      this.pause();
      this.show(timeUnder(canvas, event.clientX, this.timeline.length_s));
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      point(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) point(event);
    });
    const names = [...new Set(plot.curves.map((curve) => curve.name))];
    const kinds = [...new Set(plot.curves.map((curve) => curve.what))];
    const legend = element("p", { className: "legend" }, [
      element("strong", { textContent: `${plot.title} [${plot.unit}] ` }),
      ...names.map((name) => {
        const entry = element("span", { textContent: name });
        entry.style.borderColor = curveColour(names, name);
        return entry;
      }),
      element("em", { textContent: kinds.map((kind) => LINES[kind]).join(", ") }),
    ]);
    return element("div", { className: "plotted" }, [legend, canvas]);
  }

  show(atS) {
    this.atS = Math.min(Math.max(atS, 0), this.timeline.length_s);
    return this.draw();
  }

  // Draws the moment; true when all its pictures are there.
  draw() {
    if (this.closed || !this.timeline) return false;
    const { length_s: length } = this.timeline;
    const complete = this.cameras.map((camera) => camera.show(this.atS)).every(Boolean);
    this.scrub.value = String(this.atS);
    this.cursor.style.left = `${(100 * this.atS) / (length || 1)}%`;
    say(this.clock, `${this.atS.toFixed(1)} of ${length.toFixed(1)} s · ${this.driver()}`);
    for (const [canvas, plot] of this.canvases) drawTimeline(canvas, this.timeline, plot, this.atS);
    return complete;
  }

  driver() {
    const drive = this.timeline.drives.findLast((each) => each.begin_s <= this.atS + 1e-4);
    if (!drive) return "nobody drove";
    if (drive.driver === "policy") return `policy v${drive.policy_version} drove`;
    return drive.driver === "expert" ? "a person drove" : drive.driver;
  }

  toTakeOver() {
    this.pause();
    const next = this.timeline.take_overs_s.find((instant) => instant > this.atS + 0.01);
    this.show(next ?? this.timeline.take_overs_s[0]);
  }

  play() {
    if (!this.timeline || this.playing) return;
    if (this.atS >= this.timeline.length_s) this.atS = 0;
    this.playing = true;
    say(this.playButton, "Pause");
    let last = performance.now();
    const tick = (now) => {
      if (!this.playing || this.closed) return;
      // a picture that is not there yet is waited for: the film stands still rather than lie
      if (this.show(this.atS)) this.atS += ((now - last) / 1000) * this.speed;
      last = now;
      if (this.atS >= this.timeline.length_s) {
        this.show(this.timeline.length_s);
        this.pause();
        this.onEnd();
        return;
      }
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  pause() {
    this.playing = false;
    if (this.playButton) say(this.playButton, "Play");
  }

  close() {
    this.closed = true;
    this.playing = false;
    this.resized?.disconnect();
    for (const camera of this.cameras) camera.close();
    this.place.replaceChildren();
  }
}

const LINES = { commanded: "line: commanded", measured: "dotted: measured", wanted: "dashed: what the policy wanted" };
