// Driving: the lease, a pad or the keys, 50 messages a second while the lease is ours. Whatever might have parted the
// person from the page is told at once as a loss; the console then falls silent, and the gate holds.
import { button, element, say } from "./elements.js";
import { CLAIM, STOP, readPad } from "./pad.js";
import { readKeys } from "./keys.js";

const SEND_MS = 20;
const BEAT_MS = 250; // no message on an older beat
const OLD_PICTURE_S = 0.5; // from another machine nobody drives by older ones
const REMOTE = !["127.0.0.1", "localhost", "[::1]"].includes(location.hostname);

export class Drive {
  constructor(place, desk) {
    this.desk = desk;
    this.seq = 0;
    this.timer = null;
    this.held = new Set(); // codes of keys
    this.keyboard = false;
    this.claimed = null; // index and id of the pad
    this.buttons = []; // of all pads, as they were
    this.take = button("Take the controls", () => this.ask(), { className: "take" });
    this.keys = button("Drive with keyboard", () => this.setKeyboard(!this.keyboard));
    this.keys.setAttribute("aria-pressed", "false");
    this.give = button("Hand over", () => desk.send({ type: "lease", do: "give" }), { hidden: true });
    this.text = element("p", { className: "drive" });
    this.text.setAttribute("aria-live", "polite");
    this.help = element("p", { className: "keys", hidden: true, textContent:
      "Hold F to drive. ? shows all keys." });
    place.append(this.take, this.give, this.keys, this.text, this.help);
    desk.onState((state) => this.show(state));
    desk.addEventListener("lost", () => this.lose("the link was lost"));
    desk.addEventListener("closed", () => this.lose("the link was lost"));
    addEventListener("drift-stop", () => this.lose("stop was pressed"));
    for (const [target, name] of [
      [window, "blur"], [window, "pagehide"], [document, "freeze"], [document, "fullscreenchange"],
      [window, "gamepaddisconnected"], [window, "gamepadconnected"],
    ]) target.addEventListener(name, () => this.lose(`the page has lost the hand: ${name}`));
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.lose("the page is hidden");
    });
    addEventListener("keydown", (event) => this.onKey(event, true));
    addEventListener("keyup", (event) => this.onKey(event, false));
    setInterval(() => this.tick(), SEND_MS);
  }

  get yours() {
    return this.desk.state?.lease.yours === true && !this.desk.lost;
  }

  ask() {
    this.desk.send({ type: "lease", do: this.yours ? "leave" : "ask" });
  }

  setKeyboard(on) {
    this.keyboard = on;
    this.held.clear();
    this.keys.setAttribute("aria-pressed", String(on));
    this.help.hidden = !on;
    if (on && !this.yours) this.desk.send({ type: "lease", do: "ask" });
  }

  lose(why) {
    this.held.clear();
    if (this.yours) this.desk.send({ type: "lose", why });
  }

  onKey(event, down) {
    if (!down) {
      if (this.held.delete(event.code)) this.tick();
      return;
    }
    const typing = event.target instanceof Element && event.target.closest("input, textarea, select") !== null;
    if (!this.keyboard || typing || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (["KeyN", "KeyY", "KeyX"].includes(event.code)) {
      dispatchEvent(new CustomEvent("drift-key", { detail: event.code }));
      return;
    }
    this.held.add(event.code);
    this.tick();
  }

  // Pads as they are now; a press of Start claims one, a press of Back on any stops.
  pads() {
    const found = (navigator.getGamepads?.() ?? []).filter((pad) => pad !== null);
    for (const pad of found) {
      const before = this.buttons[pad.index] ?? [];
      const now = pad.buttons.map((each) => each.pressed);
      const edge = (index) => now[index] && before[index] === false;
      if (edge(STOP)) dispatchEvent(new Event("drift-press-stop"));
      if (edge(CLAIM)) this.claim(pad);
      this.buttons[pad.index] = now;
    }
    return found;
  }

  claim(pad) {
    if (pad.mapping !== "standard") {
      this.problem = `${pad.id}: its layout is not known to the browser; this pad cannot drive`;
      return;
    }
    this.problem = "";
    this.lose("another pad");
    this.claimed = { index: pad.index, id: pad.id };
    if (!this.yours) this.desk.send({ type: "lease", do: "ask" });
  }

  read(pads) {
    if (this.claimed !== null) {
      const pad = pads.find((each) => each.index === this.claimed.index && each.id === this.claimed.id && each.connected);
      if (!pad) {
        this.claimed = null;
        this.lose("the pad is unplugged");
        return null;
      }
      if (!this.keyboard) return readPad(pad);
    }
    return this.keyboard ? readKeys(this.held) : null;
  }

  tick() {
    const input = this.read(this.pads());
    if (!this.yours || performance.now() - this.desk.beatAt > BEAT_MS) return;
    if (REMOTE && this.desk.pictureAge > OLD_PICTURE_S) {
      if (input?.deadman) this.lose("the pictures are older than half a second");
      return;
    }
    const idle = { deadman: false, axes: [0, 0, 0, 0, 0, 0], gripper: 0, src: "nothing" };
    const vis = document.visibilityState === "visible";
    this.desk.send({
      type: "input", seq: ++this.seq, beat: this.desk.beat, ...(input ?? idle), focus: document.hasFocus(), vis,
    });
  }

  // The screen stays on while this page has the controls, where the browser allows it.
  async keepAwake(on) {
    if (on && this.lock === undefined) {
      this.lock = null;
      this.lock = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
    } else if (!on && this.lock !== undefined) {
      this.lock?.release();
      this.lock = undefined;
    }
  }

  show(state) {
    const lease = state.lease;
    this.keepAwake(lease.yours);
    say(this.take, lease.yours ? "Let go of the controls" : lease.holder ? `Ask ${lease.holder} for the controls` : "Take the controls");
    this.give.hidden = !(lease.yours && lease.asked_by && !lease.driving);
    say(this.text, this.problem || this.sentence(lease));
  }

  sentence(lease) {
    if (!lease.yours) return lease.holder ? `${lease.holder} has the controls` : "Pad: press Start on it. Keys: press the button.";
    if (lease.driving) return "You drive. Let go to hand back to the policy.";
    if (this.claimed === null && !this.keyboard) return "Press Start on the pad, or choose the keyboard.";
    return lease.why;
  }
}
