// The page: logs in, opens the connection, and gives each section its place.
import { Desk } from "./desk.js";
import { SECTIONS } from "./sections.js";
import { element } from "./elements.js";

async function login() {
  const found = /[#&]t=([0-9a-f]+)/.exec(location.hash);
  if (found) {
    history.replaceState(null, "", location.pathname); // out of the address bar, and of the history
    await fetch("/api/login", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token: found[1] }),
    });
  }
  const answer = await fetch("/api/me");
  return answer.ok ? answer.json() : null;
}

const me = await login();
if (me === null) {
  const text = "Open the address with its token: drift up prints it, and the file console.json in the run's folder holds it.";
  document.querySelector("main").replaceChildren(element("p", { className: "notice", textContent: text }));
} else {
  const desk = new Desk(me);
  for (const section of SECTIONS) {
    let place = document.querySelector(`[data-section="${section.name}"]`);
    if (place === null) {
      place = element("section", { ariaLabel: section.label });
      place.dataset.section = section.name;
      document.querySelector("#more").append(place);
    }
    section.mount(place, desk);
  }
  desk.open();
}
