// One GIF in a dialog: what is known of it, what people think of it; own ones can be changed and removed.
import { address, get, Refused, remove } from "./api.js";
import { $, copy, el, scopeName, size, spoken, toast } from "./dom.js";
import { editor } from "./editor.js";
import { picture } from "./motion.js";

const CHANGED = "gifs-changed";

export const onChange = (listener) => document.addEventListener(CHANGED, listener);
export const tellChange = () => document.dispatchEvent(new CustomEvent(CHANGED));

export const keyOf = (gif) => `${gif.scope}/${gif.id}`;

const FIXED = {
  shipped: "It came with Repartee and stays as it is.",
  elsewhere: "The workers have it, and this host has not: look there for its file.",
};

// All but the dialog is out of reach while it is open, for screen readers too: what is told goes in with it.
function carry(place) {
  place.append($("status"), $("toasts"));
}

export function startDetail() {
  const dialog = $("detail");
  let isOutside = false; // a text selected out of the dialog ends in a click on what is behind
  dialog.addEventListener("pointerdown", (event) => (isOutside = event.target === dialog));
  dialog.addEventListener("click", (event) => isOutside && event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => carry(document.body));
}

export function openDetail(gif) {
  const dialog = $("detail");
  const isOwn = !Object.hasOwn(FIXED, gif.scope);
  const body = isOwn ? ownBody(gif, dialog) : shippedBody(gif);
  const votes = el("ul", { class: "votes" });
  dialog.dataset.of = keyOf(gif);
  $("detail-content").replaceChildren(
    el("div", { class: "detail-head" },
      el("h2", { id: "detail-head", text: gif.name }),
      el("button", { class: "button quiet", type: "button", text: "Close", onclick: () => dialog.close() })),
    el("div", { class: "detail-body" },
      el("div", {},
        el("div", { class: "stage large" }, picture(gif)),
        el("p", { class: "hint" }, ...origin(gif)),
        el("div", { class: "row" },
          el("button", { class: "button small", type: "button", text: "Copy link", onclick: () => copy(new URL(gif.url, location.origin).href, "Link") }),
          el("a", { class: "button small", href: gif.url, download: `${gif.name}.gif`, text: "Download" })),
        el("h3", { text: "What people think" }), votes),
      body),
  );
  if (dialog.open) dialog.querySelector("[type=submit]")?.focus(); // it was just saved
  else {
    dialog.showModal();
    carry(dialog);
  }
  showVotes(gif, votes);
}

function origin(gif) {
  const parts = [scopeName(gif.scope)];
  if (gif.pack) parts.push(`pack ${gif.pack}`);
  if (gif.bytes) parts.push(size(gif.bytes));
  if (gif.added_at) parts.push(`added ${new Date(1000 * gif.added_at).toLocaleDateString()}`);
  return parts.flatMap((part) => [" · ", el("bdi", { text: part })]).slice(1);
}

function ownBody(gif, dialog) {
  const button = el("button", { class: "button danger", type: "button", text: "Remove", onclick: () => confirm(gif, dialog, button) });
  const onsaved = (changed) => { tellChange(); openDetail(changed); };
  return editor(gif, { onsaved, actions: [button] });
}

// Asks once more where the button was, so that nobody has to look elsewhere.
function confirm(gif, dialog, button) {
  const keep = el("button", { class: "button", type: "button", text: "Keep it", onclick: () => { asking.replaceWith(button); button.focus(); } });
  const go = el("button", { class: "button danger", type: "button", text: "Yes, remove it", onclick: () => drop(gif, dialog) });
  const asking = el("span", { class: "row", role: "group", "aria-label": `Remove ${gif.name}?` }, "For good?", go, keep);
  button.replaceWith(asking);
  keep.focus();
}

async function drop(gif, dialog) {
  try {
    await remove(address(gif));
    dialog.close();
    toast(`${gif.name} removed`);
    tellChange();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    toast(error.message, true);
  }
}

function shippedBody(gif) {
  const list = (names) => el("ul", { class: "tags" }, ...names.map((name) => el("li", { text: name })));
  const facts = [["Alt text", gif.alt_text], ["Categories", list(gif.categories.map(spoken))], ["Tags", list(gif.tags)],
    ["Rating", gif.rating], ["Licence", gif.licence]];
  return el("div", {},
    el("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [el("dt", { text: name }), el("dd", {}, value)])),
    el("p", { class: "hint", text: FIXED[gif.scope] }));
}

async function showVotes(gif, list) {
  const line = (text) => el("li", { class: "hint", text });
  try {
    const { feedback } = await get(`/api/feedback?id=${gif.id}`);
    const votes = feedback.map(({ scope, ups, downs }) => el("li", {}, el("span", { text: scopeName(scope) }),
      el("span", { text: `👍 ${ups}`, "aria-label": `${ups} for it` }), el("span", { text: `👎 ${downs}`, "aria-label": `${downs} against it` })));
    list.replaceChildren(...(votes.length ? votes : [line("No votes yet.")]));
  } catch (error) {
    list.replaceChildren(line(error.message));
  }
}
