// Browse and search what is there: a page at a time, more as one scrolls.
import { get, post, Refused } from "./api.js";
import { $, el, options, redraw, say, scopeName, spoken, toast } from "./dom.js";
import { keyOf, onChange, openDetail } from "./detail.js";
import { picture, rest, wake } from "./motion.js";

const PAUSE_MS = 160;
const NOTHING = "No GIF has all of that: try fewer words, or search by meaning.";
const chosen = { scope: "", pack: "" };
let asked = 0;
let timer = 0;
let next = null;
let isShown = false;
let whenKnown = () => {};

export function startPacks(session, onpacks) {
  whenKnown = onpacks;
  options($("category"), [["", "all categories"], ...session.categories.map((name) => [name, spoken(name)])]);
  $("search").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, PAUSE_MS);
  });
  // To leave the field is no new wish: a tile that was drawn anew while it is pressed is not clicked.
  $("search-form").addEventListener("change", (event) => event.target !== $("search") && search());
  $("search-form").addEventListener("submit", (event) => { event.preventDefault(); search(); });
  $("more").addEventListener("click", more);
  new IntersectionObserver((seen) => seen.some((entry) => entry.isIntersecting) && more(), { rootMargin: "400px" })
    .observe($("more"));
  $("detail").addEventListener("close", () => { // what opened it was drawn anew after a change
    const has = document.activeElement;
    if (has === document.body || $("detail").contains(has)) (tileOf($("detail").dataset.of) ?? $("search")).focus();
  });
  onChange(() => { refreshPacks(); if (isShown) search(); });
}

export function showPacks() {
  isShown = true;
  refreshPacks();
  search();
}

export async function refreshPacks() {
  const known = await get("/api/packs").catch(complain);
  if (!known) return;
  whenKnown(known);
  const entry = (scope, pack, name, count, link) => {
    const button = el("button", { type: "button", class: "pack", "aria-pressed": String(chosen.scope === scope && chosen.pack === pack),
      data: { key: `${scope}/${pack}` },
      onclick: () => { Object.assign(chosen, { scope, pack }); refreshPacks(); search(); } },
      el("span", { text: name }), el("span", { class: "count", text: count }));
    return el("li", {}, button, link);
  };
  const all = known.packs.reduce((sum, pack) => sum + pack.gifs, 0);
  const scopes = [...new Set(known.packs.map((pack) => pack.scope))];
  redraw($("packs-list"), [
    el("ul", {}, entry("", "", "All GIFs", all)),
    ...scopes.flatMap((scope) => [
      el("h2", { text: scopeName(scope) }),
      el("ul", {}, ...known.packs.filter((pack) => pack.scope === scope)
        .map((pack) => entry(scope, pack.name, pack.name, pack.gifs, download(pack)))),
    ]),
  ]);
}

function download({ scope, name }) {
  if (scope === "shipped") return null;
  const href = `/api/packs/${encodeURIComponent(scope)}/${encodeURIComponent(name)}/zip`;
  return el("a", { class: "take", href, download: "", "aria-label": `Download ${name} as ZIP`, text: "ZIP" });
}

async function search() {
  const number = ++asked;
  next = null;
  $("more").hidden = true;
  try {
    const { gifs, total, next_offset: offset, note } = await find();
    if (number !== asked) return;
    redraw($("tiles"), gifs.map(tile), $("search"));
    const found = note ?? (total ? `${total} GIF${total === 1 ? "" : "s"}` : NOTHING);
    if (found !== $("found").textContent) say(found);
    $("found").textContent = found;
    follow(offset);
  } catch (error) {
    complain(error);
  }
}

async function find() {
  const text = $("search").value.trim();
  const isByMeaning = $("search-form").elements.by.value === "meaning";
  if (!isByMeaning || !text) return get(`/api/gifs?${query(0)}`);
  const scope = ["", "shipped"].includes(chosen.scope) ? "shared" : chosen.scope;
  const { reactions } = await post("/api/react", { text, k: 48, scope, mood: $("category").value });
  const gifs = reactions.map((entry) => entry.gif)
    .filter((gif) => !chosen.pack || (gif.pack === chosen.pack && gif.scope === chosen.scope));
  return { gifs, note: `${gifs.length} nearest in meaning, the best first` };
}

function query(offset) {
  const said = { text: $("search").value.trim(), category: $("category").value, ...chosen, offset };
  return new URLSearchParams(Object.entries(said).filter(([, value]) => value));
}

function follow(offset) {
  next = offset ?? null;
  $("more").hidden = next === null;
}

async function more() {
  if (next === null) return;
  const number = asked;
  const offset = next;
  next = null;
  const page = await get(`/api/gifs?${query(offset)}`).catch(complain);
  if (number !== asked) return;
  if (!page) return void (next = offset); // the button tries again
  $("tiles").append(...page.gifs.map(tile));
  follow(page.next_offset);
}

const tileOf = (key) => [...$("tiles").querySelectorAll(".tile")].find((tile) => tile.dataset.key === key);

function tile(gif) {
  const button = el("button", { class: "tile", type: "button", data: { key: keyOf(gif) }, onclick: () => openDetail(gif) },
    el("span", { class: "stage" }, picture(gif, { isCalm: true })),
    el("span", { class: "tile-name", text: gif.name }),
    el("span", { class: "hint", text: gif.categories.map(spoken).join(", ") }));
  for (const event of ["mouseenter", "focus"]) button.addEventListener(event, () => wake(button));
  for (const event of ["mouseleave", "blur"]) button.addEventListener(event, () => rest(button));
  return el("li", {}, button);
}

function complain(error) {
  if (!(error instanceof Refused)) throw error;
  toast(error.message, true);
}
