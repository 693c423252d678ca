// What is wrong, the worst first, as the nodes say it.
import { duration, element } from "./elements.js";

const MOST = 5;

export const faults = {
  name: "faults",
  label: "Faults",
  mount(place, desk) {
    const list = element("ul", { className: "faults" });
    list.setAttribute("aria-live", "polite");
    place.append(element("h2", { textContent: "Faults" }), list);
    let shown = "";
    desk.onState((state) => {
      const found = state.faults.slice(0, MOST);
      const now = JSON.stringify(found.map((fault) => [fault.from, fault.what, Math.round(fault.since_s)]));
      if (now === shown) return;
      shown = now;
      const lines = found.map((fault) =>
        element("li", { className: fault.level >= 2 ? "error" : "warning" }, [
          element("strong", { textContent: `${fault.from}: ` }),
          element("span", { textContent: fault.what }),
          element("span", { className: "since", textContent: ` · since ${duration(fault.since_s)}` }),
          element("div", { className: "do", textContent: fault.do ? `→ ${fault.do}` : "" }),
        ]),
      );
      const more = state.faults.length - found.length;
      if (more > 0) lines.push(element("li", { textContent: `and ${more} more` }));
      list.replaceChildren(...(lines.length ? lines : [element("li", { className: "none", textContent: "No faults" })]));
    });
  },
};
