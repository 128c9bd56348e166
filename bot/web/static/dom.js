// Small helpers: elements without markup in strings, words for people, what screen readers are told.

export const $ = (id) => document.getElementById(id);

export function el(tag, options = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") made.className = value;
    else if (name === "text") made.textContent = value;
    else if (name === "data") Object.assign(made.dataset, value);
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export const percent = (share) => `${share > 0 && share < 0.005 ? "under 1" : Math.round(100 * share)}\u00a0%`;
export const spoken = (name) => name.replaceAll("_", " ");
export const commas = (text) => text.split(",").map((part) => part.trim()).filter(Boolean);

export function scopeName(scope) {
  if (scope === "shared") return "Everybody";
  if (scope === "shipped") return "Came with Repartee";
  if (scope === "elsewhere") return "Where the workers run";
  const [platform, place] = scope.split(":");
  return place ? `${platform[0].toUpperCase()}${platform.slice(1)} ${place}` : scope;
}

export function size(bytes) {
  const kib = bytes / 1024;
  return kib < 1024 ? `${Math.max(1, Math.round(kib))} KiB` : `${Number((kib / 1024).toFixed(1))} MiB`;
}

export function options(select, entries, chosen = select.value) {
  select.replaceChildren(...entries.map(([value, text]) => el("option", { value, text })));
  if (entries.some(([value]) => value === chosen)) select.value = chosen;
}

// Draws a list anew; the focus stays where it was: on the same part, on one of the same `data-key`, or nearby.
export function redraw(place, parts, otherwise = null) {
  const had = place.contains(document.activeElement) ? document.activeElement : null;
  place.replaceChildren(...parts);
  if (!had) return;
  const same = (part) => had.dataset.key !== undefined && part.dataset.key === had.dataset.key;
  const again = had.isConnected ? had : [...place.querySelectorAll("[data-key]")].find(same);
  (again ?? otherwise)?.focus({ preventScroll: true });
}

// A screen reader says only what is new: the same sentence twice would be silent.
export function say(text) {
  $("status").textContent = "";
  requestAnimationFrame(() => ($("status").textContent = text));
}

export function toast(text, isBad = false) {
  const note = el("p", { class: isBad ? "toast bad" : "toast", text });
  $("toasts").append(note);
  say(text);
  setTimeout(() => note.remove(), isBad ? 8000 : 3500);
}

export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {  // without TLS browsers give the clipboard to hosts of their own only
    const field = el("textarea", { class: "unseen", readonly: true });
    field.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  toast(`${what} copied`);
}

export function meter(label, share, mark = null) {
  const bar = el(
    "div",
    { class: "meter", role: "meter", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 },
    el("div", { class: "meter-fill" }),
  );
  if (mark !== null) {
    const tick = el("div", { class: "meter-mark" });
    tick.style.setProperty("--at", mark);
    bar.append(tick);
  }
  setMeter(bar, share);
  return bar;
}

export function setMeter(bar, share) {
  bar.setAttribute("aria-valuenow", Math.round(100 * share));
  bar.setAttribute("aria-valuetext", percent(share));
  bar.style.setProperty("--share", share);
}
