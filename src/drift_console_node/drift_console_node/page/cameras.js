// Cameras: the newest picture of each, with its age by the source's stamp. One credit is out for each camera.
import { element, say } from "./elements.js";

const HEADER = 24;
const WARN_S = 0.2;
const OLD_S = 0.5;

export const cameras = {
  name: "cameras",
  label: "Cameras",
  mount(place, desk) {
    let shown = "";
    let views = [];
    let socket = null;

    function connect() {
      if (socket !== null || desk.lost || views.length === 0 || document.hidden) return;
      socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/cam`);
      socket.binaryType = "arraybuffer";
      const mine = socket;
      mine.onopen = () => mine.send(Uint8Array.from(views.keys()));
      mine.onmessage = (event) => draw(mine, event.data);
      mine.onclose = () => {
        if (socket === mine) socket = null;
      };
    }

    async function draw(mine, data) {
      const header = new DataView(data, 0, HEADER);
      const view = views[header.getUint8(1)];
      if (!view) return;
      const stamp = header.getFloat64(8, true);
      view.age = header.getFloat32(16, true);
      view.at = performance.now();
      view.stamps.push(view.at);
      view.fresh = stamp !== view.stamp; // one that repeats its picture is seen by the source's stamp
      view.stamp = stamp;
      try {
        const picture = await createImageBitmap(new Blob([new Uint8Array(data, HEADER)], { type: "image/jpeg" }));
        if (view.canvas.width !== picture.width) view.canvas.width = picture.width;
        if (view.canvas.height !== picture.height) view.canvas.height = picture.height;
        view.canvas.getContext("2d").drawImage(picture, 0, 0);
        picture.close();
        view.canvas.dataset.sequence = header.getUint32(4, true);
      } finally {
        if (mine.readyState === WebSocket.OPEN) mine.send(Uint8Array.of(header.getUint8(1)));
      }
    }

    function label() {
      const now = performance.now();
      let oldest = 0;
      for (const view of views) {
        view.stamps = view.stamps.filter((at) => now - at < 1000);
        const age = view.age + (now - view.at) / 1000;
        oldest = Math.max(oldest, age);
        const old = !(age <= OLD_S);
        view.figure.classList.toggle("old", old);
        view.figure.classList.toggle("late", age > WARN_S);
        view.canvas.dataset.age = age.toFixed(3);
        if (!Number.isFinite(age)) say(view.text, `${view.name}: no picture yet`);
        else if (old) say(view.text, `${view.name}: OLD IMAGE ${age.toFixed(1)} s`);
        else say(view.text, `${view.name}: ${Math.round(age * 1000)} ms old, ${view.stamps.length} per second`);
      }
      desk.pictureAge = oldest;
    }

    desk.onState((state) => {
      const names = state.cameras.join();
      if (names === shown) return;
      shown = names;
      views = state.cameras.map((name) => {
        const canvas = element("canvas", { width: 640, height: 480 });
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", `camera ${name}`);
        const text = element("figcaption", { textContent: name });
        const figure = element("figure", {}, [canvas, text]);
        return { name, canvas, text, figure, age: Infinity, at: 0, stamp: 0, stamps: [] };
      });
      place.replaceChildren(...views.map((view) => view.figure));
    });
    setInterval(() => {
      connect();
      label();
    }, 100);
    document.addEventListener("visibilitychange", () => {
      if (document.hidden && socket !== null) socket.close();
    });
    desk.addEventListener("lost", () => {
      if (socket !== null) socket.close();
      socket = null;
    });
  },
};
