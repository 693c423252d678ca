// What all sections share: the connection, the newest state, presses. The page holds no truth of its own: what it
// shows was received, and is struck out when nothing has come for half a second.
const LOST_MS = 500;
const GIVE_UP_MS = 3000; // without a word, a connection is opened anew: a dead network closes none
const WAITS_MS = [250, 500, 1000, 2000];
const ANSWER_MS = 35000; // homing takes its time

export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Desk extends EventTarget {
  // Events: "state" (detail: the newest), "lost", "found", "fresh" (another console answers: forget what was pressed).
  constructor(me) {
    super();
    this.me = me; // role, instance, insecure
    this.state = null;
    this.lost = true;
    this.beat = 0;
    this.beatAt = -Infinity;
    this.heardAt = -Infinity;
    this.instance = me.instance;
    this.socket = null;
    this.failures = 0;
    this.pictureAge = 0; // of the oldest camera [s]
    this.waiting = new Map(); // press id -> settle
  }

  get drives() {
    return this.me.role === "driver";
  }

  open() {
    this.connect();
    setInterval(() => this.watch(), 50);
    setInterval(() => this.echo(), 200);
  }

  connect() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/ctl`);
    this.socket = socket;
    this.openedAt = performance.now();
    socket.onmessage = (event) => {
      if (socket === this.socket) this.take(JSON.parse(event.data));
    };
    socket.onclose = () => {
      if (socket === this.socket) this.again();
    };
  }

  again() {
    this.socket = null;
    this.dispatchEvent(new Event("closed"));
    const wait = WAITS_MS[Math.min(this.failures++, WAITS_MS.length - 1)] * (0.8 + 0.4 * Math.random());
    setTimeout(() => this.connect(), wait);
  }

  take(said) {
    const now = performance.now();
    if (said.type === "beat") {
      this.beat = said.n;
      this.beatAt = now;
    } else if (said.type === "state") {
      this.heardAt = now;
      this.failures = 0;
      this.state = said;
      if (this.lost) {
        this.lost = false;
        this.dispatchEvent(new Event("found"));
      }
      this.dispatchEvent(new CustomEvent("state", { detail: said }));
    } else if (said.type === "answer") {
      this.settle(said.id, said.accepted, said.text);
    } else if (said.type === "hello" && said.instance !== this.instance) {
      this.instance = said.instance;
      for (const id of [...this.waiting.keys()]) this.settle(id, false, "the console was started anew; press again");
      this.dispatchEvent(new Event("fresh"));
    }
  }

  watch() {
    const now = performance.now();
    const silent = now - this.heardAt;
    if (!this.lost && silent > LOST_MS) {
      this.lost = true;
      this.dispatchEvent(new Event("lost"));
    }
    if (this.socket !== null && silent > GIVE_UP_MS && now - this.openedAt > GIVE_UP_MS) {
      this.socket.close(); // its close event may take minutes
      this.again();
    }
  }

  echo() {
    if (!this.state?.lease.yours) this.send({ type: "echo", beat: this.beat });
  }

  // Sends at once or not at all: nothing is kept for later.
  send(said) {
    if (this.socket === null || this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(said));
    return true;
  }

  // Asks for what a button means; resolves to { accepted, text }.
  press(what) {
    const id = newId();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.settle(id, false, "no answer"), ANSWER_MS);
      this.waiting.set(id, (outcome) => {
        clearTimeout(timer);
        resolve(outcome);
      });
      if (!this.send({ type: "press", id, what })) this.settle(id, false, "no connection");
    });
  }

  settle(id, accepted, text) {
    const settle = this.waiting.get(id);
    this.waiting.delete(id);
    if (settle) settle({ accepted, text });
  }

  onState(take) {
    this.addEventListener("state", (event) => take(event.detail));
  }
}
