// The interface of the server; every change carries the session's token.

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.text);
    this.status = status;
    this.code = problem.code;
  }
}

const UNREACHABLE = { code: "unreachable", text: "The server cannot be reached: is repartee web still running?" };
const BROKEN = { code: "broken", text: "Something went wrong here." };
let csrf = "";

export async function begin() {
  const session = await get("/api/session");
  csrf = session.csrf;
  return session;
}

export const get = (path, signal) => call("GET", path, undefined, signal);
export const post = (path, body, signal) => call("POST", path, body, signal);
export const patch = (path, body) => call("PATCH", path, body);
export const remove = (path) => call("DELETE", path);
export const address = (gif) => `/api/gifs/${encodeURIComponent(gif.scope)}/${gif.id}`;

export async function leave() {
  await call("POST", "/logout");
  location.assign("/login");
}

// A session that began anew in another tab has a new token: ask for it, and try once more.
async function renewed(attempt) {
  try {
    return await attempt();
  } catch (error) {
    if (error.code !== "csrf") throw error;
    await begin();
    return attempt();
  }
}

const call = (...wanted) => renewed(() => ask(...wanted));

async function ask(method, path, body, signal) {
  const headers = method === "GET" ? {} : { "X-CSRF-Token": csrf };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, UNREACHABLE);
  }
  if (answer.status === 204) return null;
  const said = await answer.json().catch(() => ({ error: BROKEN }));
  if (!answer.ok) fail(answer.status, said.error ?? BROKEN);
  return said;
}

function fail(status, problem) {
  if (status === 401) location.assign("/login");
  throw new Refused(status, problem);
}

// Sends a form or JSON; tells how much is sent, and each line of the answer as it comes.
// With fetch nobody would know how far a file is on its way, so it is an XMLHttpRequest.
export const stream = (...wanted) => renewed(() => send(...wanted));

function send(path, body, { sent = () => {}, line }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let read = 0;
    const take = () => {
      const text = request.responseText;
      const end = text.lastIndexOf("\n") + 1;
      const lines = text.slice(read, end).split("\n").filter(Boolean);
      read = Math.max(read, end);
      if (request.status === 200) lines.forEach((said) => line(JSON.parse(said)));
    };
    request.open("POST", path);
    request.setRequestHeader("Accept", "application/x-ndjson");
    request.setRequestHeader("X-CSRF-Token", csrf);
    request.upload.addEventListener("progress", (event) => event.total && sent(event.loaded / event.total));
    request.addEventListener("progress", take);
    request.addEventListener("error", () => reject(new Refused(0, UNREACHABLE)));
    request.addEventListener("load", () => {
      take();
      if (request.status === 200) return resolve();
      let problem = BROKEN;
      try {
        problem = JSON.parse(request.responseText).error;
      } catch { /* no answer of ours */ }
      try {
        fail(request.status, problem);
      } catch (error) {
        reject(error);
      }
    });
    if (body instanceof FormData) return request.send(body);
    request.setRequestHeader("Content-Type", "application/json");
    request.send(JSON.stringify(body));
  });
}
