// Asks the server. Addresses are relative, so they keep the secret part of the page's own address.

// The server's answer was no: its status, its message, and what went with it.
export class Refusal extends Error {
  constructor(status, body) {
    super(body.error ?? `the server answered ${status}`);
    this.status = status;
    this.body = body;
  }
}

// The server did not answer at all.
export class Lost extends Error {
  constructor() {
    super("The server does not answer. Keep this tab open: your drawing is kept in it.");
  }
}

// Another server is there, and knows nothing of this page's address.
export class Restarted extends Error {
  constructor() {
    super("The review was restarted: open the new address from the terminal (your saved answers are kept).");
  }
}

// Why is something not found? A server that does not even know its own state does not know this address.
export async function explained(error) {
  if (error.status !== 404) return error;
  const [state] = await Promise.allSettled([api.state()]);
  return state.reason?.status === 404 ? new Restarted() : error;
}

async function ask(path, values, options) {
  const query = values ? `?${new URLSearchParams(values)}` : "";
  let response;
  try {
    response = await fetch(`api/${path}${query}`, options);
  } catch (error) {
    throw error.name === "AbortError" ? error : new Lost();
  }
  if (!response.ok) throw new Refusal(response.status, await response.json().catch(() => ({})));
  return response;
}

async function read(path, values) {
  return (await ask(path, values)).json();
}

async function send(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  return (await ask(path, null, { method: "POST", headers, body: JSON.stringify(body), signal })).json();
}

export const api = {
  state: () => read("state"),
  queue: (filter, after, limit, find) => read("queue", { filter, after: after ?? "", limit, find }),
  picture: (path, filter) => read("picture", { path, filter }),
  // `area` is whole pixels of the picture: {x, y, w, h}.
  image: async (path, which, area, width, signal) =>
    (await ask("image", { path, which, ...area, width }, { signal })).blob(),
  transition: async (path, width) => (await ask("transition", { path, width })).blob(),
  preview: (body, signal) => send("preview", body, signal),
  decide: (body) => send("decide", body),
  write: () => send("write", {}),
  writing: () => read("write"),
  drawSheet: (body) => send("sheets/draw", body),
  sheetImage: async (name) => (await ask("sheets/image", { name })).blob(),
  answerSheet: (body) => send("sheets/answer", body),
};
