// The link of `repartee web` carries the token behind the #, which no server and no Referer ever sees.
const form = document.getElementById("login");

function follow() {
  const token = decodeURIComponent(location.hash.slice(1));
  if (!token) return false;
  history.replaceState(null, "", "/login");
  form.elements.token.value = token;
  form.submit();
  return true;
}

addEventListener("hashchange", follow); // the link opened where the form is shown already
if (!follow() && !document.getElementById("error").textContent.trim()) {
  // Who comes here from another site is logged in perhaps: a strict cookie does not come along then.
  const answer = await fetch("/login").catch(() => null);
  if (answer?.redirected) location.replace("/");
}
