// Type a message, see the GIFs: the newest answer wins, and a card that stays keeps moving.
import { post, Refused } from "./api.js";
import { $, copy, el, meter, options, percent, redraw, say, setMeter, spoken, toast } from "./dom.js";
import { onChange, openDetail } from "./detail.js";
import { picture } from "./motion.js";

const EMPTY = "The answers appear here while you type.";
const PAUSE_MS = 160;
const NOTICED_MS = 2500; // so long it takes at most until a change shows in answers
const EXAMPLES = ["I miss you", "We won!!", "Deploying on a Friday, what could go wrong", "My grandma died this morning"];
const COUNTS = [3, 6, 9, 12, 24];
let asked = 0;
let timer = 0;
let underWay = null;

export function startTry(session) {
  options($("try-mood"), [["", "any"], ...session.categories.map((name) => [name, spoken(name)])]);
  options($("try-count"), COUNTS.map((count) => [String(count), String(count)]), "6");
  for (const text of EXAMPLES) {
    $("examples").append(el("button", { class: "chip", type: "button", text, onclick: () => fill(text) }));
  }
  clear();
  onChange(() => later(NOTICED_MS));
  $("message").addEventListener("input", () => later(PAUSE_MS));
  $("try-form").addEventListener("change", (event) => event.target !== $("message") && later(0));
  $("try-form").addEventListener("submit", (event) => event.preventDefault());
}

function fill(text) {
  $("message").value = text;
  $("message").focus();
  later(0);
}

function later(wait_ms) {
  clearTimeout(timer);
  timer = setTimeout(ask, wait_ms);
}

export async function ask() {
  const number = ++asked;
  underWay?.abort();
  const text = $("message").value;
  if (!text.trim()) return clear();
  underWay = new AbortController();
  const wanted = { text, k: Number($("try-count").value), scope: $("try-scope").value, mood: $("try-mood").value };
  try {
    const answer = await post("/api/react", wanted, underWay.signal);
    if (number === asked) show(answer);
  } catch (error) {
    if (number !== asked || error.name === "AbortError") return;
    if (!(error instanceof Refused)) throw error;
    clear();
    if (error.code === "message") $("timing").textContent = error.message;
    else toast(error.message, true);
  }
}

function clear() {
  for (const place of ["ranked", "withheld", "notes"]) $(place).replaceChildren();
  $("gate").hidden = $("playful").hidden = true;
  $("timing").textContent = EMPTY;
}

function show(answer) {
  const shown = answer.is_held ? answer.gentle : answer.reactions;
  showGate(answer);
  place($("ranked"), shown);
  place($("withheld"), answer.is_held ? answer.reactions : []);
  $("playful").hidden = !answer.is_held;
  $("notes").replaceChildren(...answer.notes.map((note) => el("li", { text: note })));
  $("timing").textContent = `Answered in ${answer.took_ms.toFixed(1)} ms by ${answer.model}`;
  $("model").textContent = `Model: ${answer.model}`;
  if ($("view-try").hidden) return; // asked again after a change elsewhere
  const best = shown.length ? `, the best one: ${shown[0].gif.name}` : "";
  const gate = answer.is_held ? `No playful GIF should be sent: ${percent(answer.hold)}. ` : "";
  say(`${gate}${shown.length} ${answer.is_held ? "gentle " : ""}GIFs${best}.`);
}

function showGate({ hold, hold_threshold: threshold, is_held: isHeld }) {
  const gate = $("gate");
  gate.hidden = false;
  gate.classList.toggle("held", isHeld);
  const text = isHeld
    ? "This may be serious, so only gentle GIFs are offered."
    : "A playful GIF is fine here.";
  const bar = gate.querySelector(".meter");
  if (!bar) {
    gate.replaceChildren(
      el("p", { class: "gate-line" }, el("span", {}, "No playful GIF should be sent: ", el("strong", {}))),
      meter("Probability that no playful GIF should be sent", hold, threshold),
      el("p", { class: "hint" }),
    );
  } else {
    setMeter(bar, hold);
    bar.querySelector(".meter-mark").style.setProperty("--at", threshold);
  }
  gate.querySelector("strong").textContent = percent(hold);
  gate.querySelector(".hint").textContent = `${text} The gate closes above ${percent(threshold)}.`;
}

// Cards of GIFs that stay are kept, so that what moves goes on moving.
function place(list, ranked) {
  const kept = new Map([...list.children].map((card) => [card.dataset.id, card]));
  const cards = ranked.map((entry, number) => {
    const card = kept.get(entry.gif.id) ?? newCard(entry.gif);
    update(card, entry, number + 1);
    return card;
  });
  redraw(list, cards, $("message"));
}

function newCard(gif) {
  const link = () => new URL(gif.url, location.origin).href;
  return el("li", { class: "card", data: { id: gif.id } },
    el("div", { class: "stage" }, picture(gif), el("span", { class: "rank", "aria-hidden": "true" })),
    el("div", { class: "card-body" },
      el("h3", { text: gif.name }),
      el("div", { class: "confidence" }, meter("Confidence", 0), el("span", { class: "share", "aria-hidden": "true" })),
      el("ul", { class: "tags", "aria-label": "Categories" }, ...gif.categories.map((name) => el("li", { text: spoken(name) }))),
      el("p", { class: "why" }),
      el("p", { class: "alt", text: gif.alt_text }),
      el("div", { class: "card-actions" },
        el("button", { class: "button small", type: "button", text: "Copy link", "aria-label": `Copy link to ${gif.name}`, onclick: () => copy(link(), "Link") }),
        el("button", { class: "button small", type: "button", text: "Copy alt", "aria-label": `Copy alt text of ${gif.name}`, onclick: () => copy(gif.alt_text, "Alt text") }),
        gif.scope === "elsewhere" ? null : el("button", { class: "button small quiet", type: "button", text: "Details", "aria-label": `Details of ${gif.name}`, onclick: () => openDetail(gif) }),
      ),
    ),
  );
}

function update(card, { confidence, why }, number) {
  card.classList.toggle("best", number === 1);
  card.querySelector(".rank").textContent = number;
  setMeter(card.querySelector(".meter"), confidence);
  card.querySelector(".share").textContent = percent(confidence);
  card.querySelector(".why").textContent = why;
}
