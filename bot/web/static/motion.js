// Pictures that move, unless the system or a button says that nothing should.
import { $, el } from "./dom.js";

const reduced = matchMedia("(prefers-reduced-motion: reduce)");
const KEY = "repartee-motion";
let choice = localStorage.getItem(KEY); // "play", "pause" or nothing: as the system says

const isStill = () => (choice ? choice === "pause" : reduced.matches);

// `isCalm`: moves only while somebody points at it or has the focus on it.
export function picture(gif, { isCalm = false } = {}) {
  const made = el("picture", { class: "gif", data: { gif: gif.url, still: gif.still } });
  if (isCalm) made.dataset.calm = "yes";
  const image = el("img", { alt: gif.alt_text || gif.name, loading: "lazy", decoding: "async", width: 160, height: 160 });
  image.addEventListener("error", () => made.classList.add("missing"));
  made.append(image);
  apply(made);
  return made;
}

export function wake(holder) {
  const found = holder.querySelector("picture[data-calm]");
  if (!found) return;
  found.dataset.awake = "yes";
  apply(found);
}

export function rest(holder) {
  const found = holder.querySelector("picture[data-calm]");
  if (!found || holder.matches(":hover, :focus-visible")) return;
  delete found.dataset.awake;
  apply(found);
}

function apply(holder) {
  const { gif, still, calm, awake } = holder.dataset;
  const image = holder.querySelector("img");
  const wanted = choice === "pause" || (calm && !awake) ? still : gif;
  holder.querySelector("source")?.remove();
  if (!choice && wanted === gif) {
    image.before(el("source", { media: "(prefers-reduced-motion: reduce)", srcset: still }));
  }
  if (image.getAttribute("src") !== wanted) image.setAttribute("src", wanted);
}

function show() {
  const button = $("motion");
  button.textContent = isStill() ? "Play GIFs" : "Pause GIFs";
  document.querySelectorAll("picture.gif").forEach(apply);
}

export function startMotion() {
  $("motion").addEventListener("click", () => {
    choice = isStill() ? "play" : "pause";
    localStorage.setItem(KEY, choice);
    show();
  });
  reduced.addEventListener("change", show);
  show();
}
