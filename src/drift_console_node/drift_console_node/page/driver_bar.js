// Who drove an episode, as a bar: colour and pattern of each driver, as long as it drove; in words beside it.
import { element } from "./elements.js";

export function driverBar(drives, lengthS) {
  const bar = element("span", { className: "driver-bar" });
  bar.setAttribute("role", "img");
  bar.setAttribute("aria-label", inWords(drives));
  for (const drive of drives) {
    const part = element("span", { className: drive.driver });
    const share = (drive.end_s - drive.begin_s) / (lengthS || 1);
    part.style.flexGrow = String(1000 * Math.max(share, 0.002)); // below 1 in all they would not fill the bar
    bar.append(part);
  }
  return bar;
}

export function inWords(drives) {
  const seconds = new Map();
  for (const drive of drives) {
    seconds.set(drive.driver, (seconds.get(drive.driver) ?? 0) + drive.end_s - drive.begin_s);
  }
  const parts = [...seconds].map(([driver, time]) => `${driver === "expert" ? "person" : driver} ${time.toFixed(1)} s`);
  return parts.length ? `driven by: ${parts.join(", ")}` : "nobody drove";
}
