// GIFs in: each goes through its stages before one's eyes, and can be mended at once.
import { Refused, stream } from "./api.js";
import { $, commas, el, say, size, toast } from "./dom.js";
import { tellChange } from "./detail.js";
import { categoryField, editor } from "./editor.js";
import { picture } from "./motion.js";

const AT_ONCE = 2;
const FOLDER = "A folder cannot be dropped: drop the files in it, or take it in with repartee gifs add.";
const NAMES = {
  decode: "Read", duplicate: "Is it new?", flash: "Flashes", text: "Words in it", rating: "Rating",
  encode: "Make it fit", caption: "Describe", vector: "Understand", store: "Keep",
};
const waiting = [];
let running = 0;
let session;
let categories;

export function startAdd(known) {
  session = known;
  categories = categoryField();
  $("add-categories").append(categories.field);
  $("limits").textContent = `GIF, WebP, APNG or MP4, up to ${size(session.max_bytes)} each.`;
  $("files").addEventListener("change", () => { take([...$("files").files]); $("files").value = ""; });
  $("link-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (queue({ url: $("link").value.trim() })) $("link").value = "";
  });
  $("add-form").addEventListener("submit", (event) => event.preventDefault());
  $("add-scope").addEventListener("change", () => ($("other-scope").hidden = $("add-scope").value !== "other"));
  startDropping();
  document.addEventListener("paste", (event) => {
    if (!$("view-add").hidden) take([...event.clipboardData.files]);
  });
}

function startDropping() {
  let depth = 0; // dragging over a child leaves the parent
  const over = (change) => {
    depth = change ? depth + change : 0;
    $("drop").classList.toggle("over", depth > 0);
  };
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("dragenter", () => over(1));
  document.addEventListener("dragleave", () => over(-1));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    over(0);
    const dropped = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    if (!dropped.length) return;
    location.hash = "#add";
    const isFolder = (item) => item.webkitGetAsEntry()?.isDirectory;
    if (dropped.some(isFolder)) toast(FOLDER, true);
    take(dropped.filter((item) => !isFolder(item)).map((item) => item.getAsFile()));
  });
}

const take = (files) => files.forEach((file) => queue({ file }));

function said() {
  const scope = $("add-scope").value === "other" ? $("add-other").value.trim() : $("add-scope").value;
  return { scope, pack: $("add-pack").value.trim() || "own", tags: commas($("add-tags").value), categories: categories.names };
}

function queue(what) {
  if ($("add-scope").value === "other" && !($("add-other").value && $("add-other").reportValidity())) {
    $("add-other").focus();
    toast("Say first which server or workspace it is for.", true);
    return false;
  }
  const row = newRow(what.file?.name ?? what.url);
  if (what.file) thumbnail(what.file, row.canvas);
  if (what.file?.size > session.max_bytes) refuse(row, { message: `It is larger than ${size(session.max_bytes)}.` });
  else waiting.push({ ...what, row, said: said() });
  start();
  return true;
}

async function start() {
  if (running >= AT_ONCE || !waiting.length) return;
  running += 1;
  const job = waiting.shift();
  try {
    await send(job);
  } catch (error) {
    refuse(job.row, error);
    if (!(error instanceof Refused)) throw error;
  } finally {
    running -= 1;
    start();
  }
}

function send({ file, url, row, said }) {
  const line = (event) => take_line(row, event);
  if (url) {
    row.state.textContent = "Fetching …";
    return stream("/api/gifs/url", { url, ...said }, { line });
  }
  const form = new FormData();
  for (const [name, value] of Object.entries(said)) form.append(name, String(value));
  form.append("file", file);
  const sent = (share) => {
    row.bar.value = share;
    row.state.textContent = share < 1 ? `Sending, ${Math.round(100 * share)} %` : "Looking at it …";
  };
  return stream("/api/gifs", form, { sent, line });
}

function take_line(row, event) {
  if (event.event === "stage") return showStage(row, event);
  if (event.event === "refused") return refuse(row, { message: event.error.text });
  row.item.classList.add("added");
  row.bar.remove();
  row.state.textContent = "Added: it is found by its meaning in a moment.";
  say(`${event.gif.name} added`);
  showAdded(row, event.gif);
  tellChange();
}

function showAdded(row, gif) {
  row.title.textContent = gif.name;
  row.look.replaceChildren(picture(gif));
  const mend = editor(gif, { onsaved: (changed) => {
    tellChange();
    row.more.remove();
    showAdded(row, changed);
    row.more.querySelector("summary").focus();
  } });
  row.more = el("details", { class: "mend" }, el("summary", { text: `Edit it. Alt text now: ${gif.alt_text}` }), mend);
  row.body.append(row.more);
}

function showStage(row, { stage, ms, note }) {
  const step = row.steps.get(stage);
  if (!step) return;
  step.classList.add("done");
  step.querySelector(".ms").textContent = ms < 0.1 ? "under 0.1 ms" : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (note) step.append(el("span", { class: "note", text: note }));
}

function refuse(row, error) {
  row.item.classList.add("refused");
  row.bar.remove();
  [...row.steps.values()].filter((step) => step.matches(".done")).at(-1)?.classList.add("stopped");
  row.state.textContent = `Refused: ${error.message}`;
  say(`${row.title.textContent} refused: ${error.message}`);
}

function newRow(name) {
  const canvas = el("canvas", { width: 96, height: 96, "aria-hidden": "true" });
  const look = el("div", { class: "stage" }, canvas);
  const title = el("h3", { text: name });
  const state = el("p", { class: "state", text: "Waiting …" });
  const bar = el("progress", { max: 1, value: 0, "aria-label": `Upload of ${name}` });
  const steps = new Map(session.stages.map((stage) => [stage, el("li", {},
    el("span", { text: NAMES[stage] ?? stage }), el("span", { class: "ms" }))]));
  const body = el("div", { class: "intake-body" }, title, state, bar,
    el("ol", { class: "steps", "aria-label": "Stages" }, ...steps.values()));
  const item = el("li", { class: "panel intake-row" }, look, body);
  $("intake").prepend(item);
  return { item, look, canvas, title, state, bar, steps, body, more: null };
}

// Drawn by hand: an address of the browser's own (blob:) would have to be let into the page's policy.
async function thumbnail(file, canvas) {
  try {
    const image = await createImageBitmap(file);
    const scale = Math.min(canvas.width / image.width, canvas.height / image.height);
    const [width, height] = [image.width * scale, image.height * scale];
    canvas.getContext("2d").drawImage(image, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
  } catch { /* a film, or no picture at all: the server says so */ }
}
