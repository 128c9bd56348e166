// The page put together: who is here, which view is open, which scopes there are.
import { begin, leave } from "./api.js";
import { startAdd } from "./add.js";
import { $, options, scopeName, toast } from "./dom.js";
import { startDetail } from "./detail.js";
import { startEditor } from "./editor.js";
import { startMotion } from "./motion.js";
import { refreshPacks, showPacks, startPacks } from "./packs.js";
import { startTry } from "./try.js";

const VIEWS = { try: "Try it", packs: "Packs", add: "Add GIFs" };
const FOCUS = { try: "message", packs: "search" };

function show(isFirst = false) {
  const wanted = location.hash.slice(1);
  const view = Object.hasOwn(VIEWS, wanted) ? wanted : "try";
  for (const name of Object.keys(VIEWS)) {
    $(`view-${name}`).hidden = name !== view;
    const link = document.querySelector(`nav [data-view="${name}"]`);
    if (name === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  $("detail").close(); // what goes back in the history leaves it, too
  document.title = `${VIEWS[view]} · Repartee`;
  if (view === "packs") showPacks();
  if (!isFirst || view === "try") $(FOCUS[view] ?? "main").focus({ preventScroll: true });
  if (!isFirst) scrollTo(0, 0);
}

function fillScopes({ packs, scopes }) {
  const named = scopes.filter((scope) => scope !== "shared").map((scope) => [scope, scopeName(scope)]);
  options($("try-scope"), [["shared", "everybody"], ...named]);
  options($("add-scope"), [["shared", "Everybody"], ...named, ["other", "Another server or workspace …"]]);
  const own = new Set(["own", ...packs.filter((pack) => pack.scope !== "shipped").map((pack) => pack.name)]);
  options($("pack-names"), [...own].map((name) => [name, name]), "");
}

try {
  const session = await begin();
  startMotion();
  startEditor(session);
  startTry(session);
  startPacks(session, fillScopes);
  startAdd(session);
  await refreshPacks();
  startDetail();
  $("leave").addEventListener("click", () => leave().catch((error) => toast(error.message, true)));
  document.querySelector(".skip").addEventListener("click", (event) => { // the # names the view
    event.preventDefault();
    $("main").focus();
  });
  addEventListener("hashchange", () => show());
  show(true);
  document.body.dataset.ready = "yes";
} catch (error) {
  toast(error.message, true);
}
