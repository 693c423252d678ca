// Who drives, since when and why; over everything else when the link is lost.
import { duration, element, say, shape } from "./elements.js";
import { inWords, LOST } from "./words.js";

export const header = {
  name: "header",
  label: "Who drives",
  mount(place, desk) {
    const icon = element("span", { className: "icon" });
    const word = element("h1", { className: "word", textContent: "CONNECTING" });
    word.setAttribute("aria-live", "assertive");
    const since = element("span", { className: "since" });
    const because = element("span", { className: "because" });
    const link = element("span", { className: "link" });
    place.append(icon, word, element("div", { className: "details" }, [since, because]), link);
    const overlay = element("div", { id: "lost", className: "overlay lost", hidden: true }, [
      element("strong", { textContent: LOST.word }),
      element("s", { id: "lost-last" }),
      element("p", { textContent: "The robot goes on as its gate decides. The hardware emergency stop works." }),
    ]);
    overlay.setAttribute("role", "alert");
    document.body.append(overlay);
    if (desk.me.insecure) {
      const text = "Anybody on this network can read along and drive: insecure_lan is set.";
      document.body.prepend(element("p", { className: "banner", textContent: text }));
    }
    let kind = "";

    function show(view) {
      say(word, view.word);
      say(because, view.because);
      if (view.kind !== kind) {
        kind = view.kind;
        document.body.dataset.state = kind;
        icon.replaceChildren(shape(view.path));
      }
    }

    desk.onState((state) => {
      show(inWords(state));
      say(since, state.gate === null ? "" : `since ${duration(state.gate.since_s)}`);
      say(link, `link ${state.link_ms} ms`);
    });
    desk.addEventListener("lost", () => {
      document.querySelector("#lost-last").textContent = word.textContent;
      overlay.hidden = false;
      show(LOST);
      say(since, "");
      say(link, "no link");
    });
    desk.addEventListener("found", () => {
      overlay.hidden = true;
    });
  },
};
