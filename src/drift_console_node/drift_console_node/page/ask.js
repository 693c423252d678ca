// Questions to the console beside the open connection. A browser keeps six connections to one address, and stop needs
// one of them: at most three questions are on their way, the rest wait here.
const MOST = 3;
let running = 0;
const waiting = [];

async function inTurn(ask) {
  if (running >= MOST) await new Promise((resolve) => waiting.push(resolve));
  running += 1;
  try {
    return await ask();
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}

// Resolves to { ok, value } or { ok: false, text }: the console's own words, or that it does not answer.
async function settled(ask, read) {
  return inTurn(async () => {
    try {
      const answer = await ask();
      if (!answer.ok) return { ok: false, text: (await answer.text()) || `error ${answer.status}` };
      return { ok: true, value: await read(answer) };
    } catch {
      return { ok: false, text: "the console does not answer" };
    }
  });
}

export function getJson(path) {
  return settled(() => fetch(path), (answer) => answer.json());
}

export function postJson(path, said = {}) {
  const request = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(said) };
  return settled(() => fetch(path, request), (answer) => answer.json());
}

export function getImage(path) {
  return settled(() => fetch(path), async (answer) => createImageBitmap(await answer.blob()));
}
