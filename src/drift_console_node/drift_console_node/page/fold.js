// A section that is opened when it is wanted, and what makes it look again.
import { element } from "./elements.js";

const LOOK_MS = 5000; // at most so often

// Fills `place` with a title that opens and closes; `onOpen` is called each time it is opened.
export function fold(place, text, onOpen, open = false) {
  const title = element("h2", { textContent: text });
  const summary = element("summary", {}, [title]);
  const body = element("div", { className: "fold" });
  const details = element("details", {}, [summary, body]);
  details.addEventListener("toggle", () => {
    if (details.open) onOpen();
  });
  place.append(details);
  details.open = open;
  return { details, title, body };
}

// Calls `look` when an episode may have ended or a version come: no more often than every five seconds.
export function onNews(desk, look) {
  let last = "", due = 0, lookedAt = -Infinity;
  const attempt = () => {
    due = 0;
    if (document.hidden) return;
    lookedAt = performance.now();
    look();
  };
  desk.onState((state) => {
    const stored = state.trainer?.values.episodes_in_store;
    const now = JSON.stringify([state.policy?.version, state.checkpoint?.version, stored]);
    if (now === last) return;
    last = now;
    if (!due) due = setTimeout(attempt, Math.max(500, lookedAt + LOOK_MS - performance.now()));
  });
}
