// Each state in words, shape and colour; the colours stand in style.css. State words are participles, not commands.
const SHAPES = {
  policy: "M3 3h18v18H3z",
  person: "M6 11V6a1.5 1.5 0 0 1 3 0v4-6a1.5 1.5 0 0 1 3 0v6-5a1.5 1.5 0 0 1 3 0v6-3a1.5 1.5 0 0 1 3 0v7a7 7 0 0 1-13 3l-3-5a1.5 1.5 0 0 1 2.500-1.500z",
  help: "M12 2l11 20H1zM11 9v6h2V9zM11 17v2h2v-2z",
  hold: "M5 3h5v18H5zM14 3h5v18h-5z",
  homing: "M12 3l9 8h-3v9h-5v-6h-2v6H6v-9H3z",
  stopped: "M8 2h8l6 6v8l-6 6H8l-6-6V8z",
  lost: "M2 9h6v2H4v2h4v2H2zM22 9h-6v2h4v2h-4v2h6zM10 4l1 4h2l1-4zM10 20l1-4h2l1 4z",
  none: "M12 2a10 10 0 1 0 .01 0z",
};

const HELP = new Set(["JOY_LOST", "JOY_FROZEN", "TOO_MANY_CLAMPS"]);

export function inWords(state) {
  const gate = state.gate;
  if (gate === null) return view("none", "NO GATE YET", "the console hears no gate/state");
  if (gate.age_s > 1.0) return view("lost", "GATE SILENT – robot state unknown", `for ${gate.age_s.toFixed(1)} s`);
  const because = gate.text || gate.reason.toLowerCase().replaceAll("_", " ");
  if (gate.state !== "EXPERT" && gate.text.includes("help wanted")) return view("help", "HELP WANTED – take over?", because);
  if (gate.state === "POLICY") return view("policy", "POLICY DRIVES", because);
  if (gate.state === "EXPERT") return view("person", driver(state), because);
  if (gate.state === "GUIDED") return view("person", "GUIDED BY HAND", because);
  if (gate.state === "HOMING") return view("homing", "GOING HOME", because);
  if (gate.state === "FAULT") return view("stopped", `STOPPED – ${label(gate.reason)}`, because);
  if (gate.reason === "STOP_REQUESTED") return view("stopped", "STOPPED – arm to go on", because);
  if (gate.armed && HELP.has(gate.reason)) return view("help", "HELP WANTED – take over?", because);
  return view("hold", `HOLDING – ${label(gate.reason)}`, because);
}

function driver(state) {
  if (!state.lease.driving) return "A PERSON DRIVES";
  return state.lease.yours ? "YOU DRIVE" : `${state.lease.holder} DRIVES`;
}

function label(reason) {
  return reason.toLowerCase().replaceAll("_", " ");
}

function view(kind, word, because) {
  return { kind, word, because, path: SHAPES[kind] };
}

export const LOST = view("lost", "LINK LOST – robot state unknown", "nothing has come from the console for half a second");
