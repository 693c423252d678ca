// Curves, bars and driver shading on a canvas, sharp on every screen. Colours tell apart what shapes tell apart, too:
// measured is dotted, wanted is dashed.
export const DRIVER_COLOURS = { policy: "#0072b2", expert: "#e69f00", hold: "#5a6270", homing: "#5f9e6e" };
const CURVES = ["#0072b2", "#d55e00", "#007a5a", "#a8467d", "#7a5c00", "#16181d", "#3f6fb5"];
const DASHES = { commanded: [], measured: [1, 3], wanted: [6, 4] };
const INK = "#16181d";
const GRID = "#c9ced6";
const FONT = "12px system-ui, sans-serif";
const LEFT = 52, RIGHT = 8, TOP = 8, BOTTOM = 22;

// Makes the canvas as many pixels as it has on the screen; returns context and size in CSS pixels.
export function prepare(canvas) {
  const width = Math.max(canvas.clientWidth, 40);
  const height = Math.max(canvas.clientHeight, 40);
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = FONT;
  context.lineWidth = 1.5;
  return { context, width, height };
}

export function curveColour(names, name) {
  return CURVES[names.indexOf(name) % CURVES.length];
}

export function niceSteps(low, high, most) {
  const raw = (high - low) / most || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw);
  const steps = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n += 1) steps.push(n * step);
  return steps;
}

function written(value) {
  return String(Number(value.toPrecision(3)));
}

// What stands where: from values to pixels.
class Frame {
  constructor(canvas, x, y, log = false) {
    Object.assign(this, prepare(canvas));
    this.x = x;
    this.y = y;
    this.log = log;
  }

  atX(value) {
    return LEFT + ((value - this.x[0]) / (this.x[1] - this.x[0] || 1)) * (this.width - LEFT - RIGHT);
  }

  atY(value) {
    const of = this.log ? Math.log10 : (same) => same;
    const share = (of(value) - of(this.y[0])) / (of(this.y[1]) - of(this.y[0]) || 1);
    return this.height - BOTTOM - share * (this.height - TOP - BOTTOM);
  }

  axes(xSteps, ySteps, xText = written, yText = written) {
    const { context } = this;
    context.strokeStyle = GRID;
    context.fillStyle = INK;
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of ySteps) {
      const y = Math.round(this.atY(value)) + 0.5;
      line(context, LEFT, y, this.width - RIGHT, y);
      context.fillText(yText(value), LEFT - 4, y);
    }
    context.textAlign = "center";
    context.textBaseline = "top";
    let free = -Infinity;
    for (const value of xSteps) {
      const x = this.atX(value);
      const text = xText(value);
      const half = context.measureText(text).width / 2;
      if (x - half < free || x + half > this.width) continue;
      free = x + half + 8;
      context.fillText(text, x, this.height - BOTTOM + 5);
    }
    context.lineWidth = 1.5;
  }
}

function line(context, x1, y1, x2, y2) {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}

function bounds(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value === null) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  const margin = (high - low) * 0.06 || Math.abs(high) * 0.1 || 0.01;
  return [low - margin, high + margin];
}

// One plot of a timeline, with who drove behind it and the moment that is shown.
export function drawTimeline(canvas, timeline, plot, atS) {
  const end = timeline.length_s || 1;
  const frame = new Frame(canvas, [0, end], bounds(plot.curves.flatMap((curve) => curve.values)));
  const { context } = frame;
  for (const drive of timeline.drives) {
    if (drive.driver !== "expert") continue;
    context.fillStyle = "rgba(230, 159, 0, 0.22)";
    const begin = frame.atX(drive.begin_s);
    context.fillRect(begin, TOP, Math.max(frame.atX(drive.end_s) - begin, 1), frame.height - TOP - BOTTOM);
  }
  frame.axes(niceSteps(0, end, 8), niceSteps(...frame.y, 4));
  const names = [...new Set(plot.curves.map((curve) => curve.name))];
  for (const curve of plot.curves) {
    context.strokeStyle = curveColour(names, curve.name);
    context.setLineDash(DASHES[curve.what]);
    context.beginPath();
    let pen = false;
    curve.values.forEach((value, index) => {
      if (value === null) {
        pen = false;
        return;
      }
      const x = frame.atX(timeline.time_s[index]), y = frame.atY(value);
      if (pen) context.lineTo(x, y);
      else context.moveTo(x, y);
      pen = true;
    });
    context.stroke();
  }
  context.setLineDash([]);
  context.strokeStyle = INK;
  for (const instant of timeline.take_overs_s) {
    const x = frame.atX(instant);
    context.setLineDash([3, 3]);
    line(context, x, TOP, x, frame.height - BOTTOM);
  }
  context.setLineDash([]);
  context.lineWidth = 2;
  const now = frame.atX(atS);
  line(context, now, TOP - 4, now, frame.height - BOTTOM);
}

// Which time a pointer means, in a canvas of drawTimeline.
export function timeUnder(canvas, clientX, lengthS) {
  const box = canvas.getBoundingClientRect();
  const share = (clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);
  return Math.min(Math.max(share, 0), 1) * lengthS;
}

// Values with intervals, one for each version: points: [{ x, value, low, high, text }], all 0..1.
export function drawShares(canvas, points, running, colour) {
  const frame = new Frame(canvas, ends(points), [-0.06, 1.06]);
  const { context } = frame;
  frame.axes(points.map((point) => point.x), [0, 0.5, 1], (x) => `v${x}`, (y) => `${Math.round(100 * y)} %`);
  const room = (frame.width - LEFT - RIGHT) / Math.max(points.length, 1);
  for (const point of points) {
    const x = frame.atX(point.x);
    context.strokeStyle = INK;
    context.fillStyle = point.x === running ? colour : "#ffffff";
    if (point.low !== undefined) {
      line(context, x, frame.atY(point.low), x, frame.atY(point.high));
      for (const end of [point.low, point.high]) line(context, x - 4, frame.atY(end), x + 4, frame.atY(end));
    }
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(x, frame.atY(point.value), 5, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
    context.lineWidth = 1.5;
    if (point.text && room > context.measureText(point.text).width + 6) {
      context.fillStyle = INK;
      context.textAlign = "center";
      context.textBaseline = "bottom";
      const above = frame.atY(point.high ?? point.value) - 4;
      context.fillText(point.text, x, Math.max(above, TOP + 12));
    }
  }
}

// Values on a logarithmic axis, one for each version: points: [{ x, value }], value > 0.
export function drawLog(canvas, points, colour) {
  const values = points.map((point) => point.value);
  const low = Math.min(...values), high = Math.max(...values);
  const frame = new Frame(canvas, ends(points), [low / 1.3, high * 1.3], true);
  const decades = [];
  for (let power = Math.floor(Math.log10(frame.y[0])); 10 ** power <= frame.y[1]; power += 1) {
    for (const factor of [1, 2, 5]) {
      const value = factor * 10 ** power;
      if (value >= frame.y[0] && value <= frame.y[1]) decades.push(value);
    }
  }
  const steps = decades.length > 1 ? decades : niceSteps(...frame.y, 3);
  frame.axes(points.map((point) => point.x), steps, (x) => `v${x}`);
  polyline(frame, points, colour);
}

// Values from 0 to 1, one for each version, as steps.
export function drawSteps(canvas, points, colour) {
  const frame = new Frame(canvas, ends(points), [0, 1]);
  frame.axes(points.map((point) => point.x), [0, 0.5, 1], (x) => `v${x}`, (y) => `${Math.round(100 * y)} %`);
  polyline(frame, points, colour);
}

// Something that grows with each episode: points: [{ x, value }], value >= 0; x are whole numbers.
export function drawGrowth(canvas, points, colour) {
  const most = Math.max(...points.map((point) => point.value)) || 1;
  const frame = new Frame(canvas, ends(points), [0, 1.08 * most]);
  frame.axes(wholeSteps(frame.x), niceSteps(0, most, 3), written, (y) => `${written(y)} s`);
  curve(frame, points, colour);
}

// Attempts, well (a dot above) or not (a cross below), and a share as a curve: points: [{ x, well, value }].
export function drawOutcomes(canvas, points, colour) {
  const frame = new Frame(canvas, ends(points), [-0.12, 1.12]);
  const { context } = frame;
  frame.axes(wholeSteps(frame.x), [0, 0.5, 1], written, (y) => `${Math.round(100 * y)} %`);
  curve(frame, points, colour);
  context.fillStyle = context.strokeStyle = INK;
  for (const { x, well } of points) {
    const at = frame.atX(x), y = frame.atY(well ? 1.07 : -0.07);
    if (well) {
      context.beginPath();
      context.arc(at, y, 2.5, 0, 2 * Math.PI);
      context.fill();
    } else {
      line(context, at - 2.5, y - 2.5, at + 2.5, y + 2.5);
      line(context, at - 2.5, y + 2.5, at + 2.5, y - 2.5);
    }
  }
}

function wholeSteps(x) {
  return niceSteps(...x, 6).filter(Number.isInteger);
}

function polyline(frame, points, colour) {
  const { context } = frame;
  curve(frame, points, colour);
  for (const point of points) {
    context.beginPath();
    context.arc(frame.atX(point.x), frame.atY(point.value), 3, 0, 2 * Math.PI);
    context.fill();
  }
}

function curve(frame, points, colour) {
  const { context } = frame;
  context.strokeStyle = context.fillStyle = colour;
  context.beginPath();
  points.forEach((point, index) => {
    const x = frame.atX(point.x), y = frame.atY(point.value);
    if (index) context.lineTo(x, y);
    else context.moveTo(x, y);
  });
  context.stroke();
}

function ends(points) {
  const all = points.map((point) => point.x);
  return [Math.min(...all) - 0.5, Math.max(...all) + 0.5];
}
