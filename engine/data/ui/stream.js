// The events of the router. `EventSource` cannot send a key, so the stream is read with `fetch`.

const RETRY_MS = [500, 1000, 2000, 5000, 10_000];
const SILENCE_MS = 12_000; // a state comes every two seconds
const KEY = "ccr.key";

export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

export function headers() {
  const held = key.get();
  return held ? { "x-ccr-key": held } : {};
}

/**
 * Follows the events for ever. `on.event(name, value)` for each, `on.link(state, words)` for how the connection stands,
 * `on.denied(words)` where a key is wanted: then it ends, and is begun again with a key. `signal` ends it too.
 */
export async function follow(on, signal) {
  for (let failures = 0; !signal.aborted; ) {
    on.link("wait", failures ? "reconnecting" : "connecting");
    let said = "the router does not answer";
    try {
      const reply = await fetch("/v1/ccr/events", { headers: headers(), cache: "no-store", signal });
      if (reply.status === 401) {
        on.denied(await words(reply));
        return;
      }
      if (reply.ok) {
        on.link("live", "live");
        on.event("begin", null);
        await read(reply.body, (name, value) => {
          failures = 0;
          if (name === "note") said = value.message;
          else on.event(name, value);
        });
      } else {
        said = await words(reply);
      }
    } catch (problem) {
      if (!(problem instanceof TypeError || problem instanceof DOMException)) throw problem;
    }
    if (signal.aborted) return;
    on.link("bad", said);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]));
  }
}

/** What the router said of an error. */
export async function words(reply) {
  try {
    return (await reply.json()).error.message;
  } catch {
    return `the router answered ${reply.status}`;
  }
}

async function read(body, heard) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await inTime(reader);
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const [first, second] = event.split("\n");
      heard(first.slice("event: ".length), JSON.parse(second.slice("data: ".length)));
    }
  }
}

async function inTime(reader) {
  let timer;
  const silence = new Promise((resolve) => {
    timer = setTimeout(() => {
      reader.cancel();
      resolve({ done: true });
    }, SILENCE_MS);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } finally {
    clearTimeout(timer);
  }
}
