// The form with which an own GIF is changed; the same after adding one and in the details.
import { address, patch, Refused } from "./api.js";
import { commas, el, options, spoken, toast } from "./dom.js";

const MOST_CATEGORIES = 3;
let number = 0;
let known = { categories: [], ratings: [] };

export const startEditor = (session) => (known = session);

// Chips for up to three categories, the primary one first.
export function categoryField(chosen = []) {
  const id = `categories-${++number}`;
  const list = el("ul", { class: "chips", "aria-label": "Chosen categories" });
  const select = el("select", { id });
  let names = [...chosen];
  const show = () => {
    list.replaceChildren(...names.map((name) => el("li", {}, el("button", {
      class: "chip", type: "button", text: spoken(name), "aria-label": `Remove category ${spoken(name)}`,
      onclick: () => { names = names.filter((other) => other !== name); show(); select.focus(); },
    }))));
    const left = known.categories.filter((name) => !names.includes(name));
    options(select, [["", names.length < MOST_CATEGORIES ? "Add a category …" : "Three are enough"],
      ...left.map((name) => [name, spoken(name)])], "");
    select.disabled = names.length >= MOST_CATEGORIES;
  };
  select.addEventListener("change", () => { if (select.value) names.push(select.value); show(); });
  show();
  const field = el("div", { class: "field" }, el("label", { for: id }, "Categories ",
    el("span", { class: "hint", text: "up to three, the main one first" })), list, select);
  return { field, get names() { return [...names]; } };
}

export function editor(gif, { onsaved, actions = [] }) {
  const field = (label, control) => {
    control.id = `edit-${++number}`;
    return el("div", { class: "field" }, el("label", { for: control.id, text: label }), control);
  };
  const name = el("input", { value: gif.name, dir: "auto", required: true, maxlength: 100 });
  const alt = el("textarea", { rows: 3, placeholder: "Made up if empty", maxlength: 1000, dir: "auto" });
  alt.value = gif.alt_text;
  const tags = el("input", { value: gif.tags.join(", "), dir: "auto" });
  const pack = el("input", { value: gif.pack, required: true, maxlength: 60, list: "pack-names" });
  const rating = el("select");
  options(rating, known.ratings.map((value) => [value, value]), gif.rating);
  const categories = categoryField(gif.categories);
  const wrong = el("p", { class: "field-error", role: "alert" });
  const form = el("form", { class: "editor" },
    field("Name", name), field("Alt text", alt), field("Tags, separated by commas", tags), categories.field,
    el("div", { class: "pair" }, field("Pack", pack), field("Rating", rating)), wrong,
    el("div", { class: "row" }, el("button", { class: "button primary", type: "submit", text: "Save" }), ...actions),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    wrong.textContent = categories.names.length ? "" : "Choose a category at least.";
    if (wrong.textContent) return;
    const said = {
      name: name.value.trim(), alt_text: alt.value.trim(), tags: commas(tags.value),
      categories: categories.names, pack: pack.value.trim(), rating: rating.value,
    };
    const known = { ...gif, tags: commas(gif.tags.join(", ")) };
    const isNew = ([field, value]) => JSON.stringify(value) !== JSON.stringify(known[field]);
    const change = Object.fromEntries(Object.entries(said).filter(isNew)); // others may change the rest meanwhile
    try {
      const changed = await patch(address(gif), change);
      toast(`${changed.name} saved`);
      onsaved(changed);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      wrong.textContent = error.message;
    }
  });
  return form;
}
