// Keeps pages fresh and sends what is clicked. Pages are whole without it, but for the buttons of alerts.
(() => {
  "use strict";
  const page = document.body.dataset.page;
  if (page === "login") return;
  const REFRESH_MS = 1000;
  const account = document.body.dataset.account;
  const pulse = document.getElementById("pulse");
  const toast = document.getElementById("toast");
  let due = false, running = false, last = 0, timer = 0;

  // Fetches this page again and puts its live part in place of the one shown.
  async function refresh() {
    timer = 0;
    if (document.hidden || running) return;
    running = true; due = false; last = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.redirected && new URL(answer.url).pathname === "/login") { location.href = answer.url; return; }
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
      if (fresh) swap(fresh);
    } catch { /* The stream says when the console is back. */ }
    finally { running = false; if (due) soon(); }
  }

  // What a person has opened or is at stays as it is.
  function swap(fresh) {
    const live = document.getElementById("live");
    const at = live.contains(document.activeElement) ? document.activeElement : null;
    const place = at && at.dataset.post ? [at.dataset.post, at.dataset.body] : null;
    for (const kept of live.querySelectorAll("details[data-keep]")) {
      const again = fresh.querySelector(`details[data-keep="${CSS.escape(kept.dataset.keep)}"]`);
      if (again) again.open = kept.open;
    }
    live.replaceWith(document.adoptNode(fresh));
    if (place) {
      const same = [...fresh.querySelectorAll("[data-post]")].find((b) => b.dataset.post === place[0] && b.dataset.body === place[1]);
      if (same) same.focus();
    }
  }

  function soon() {
    due = true;
    if (!timer && !document.hidden) timer = setTimeout(refresh, Math.max(0, last + REFRESH_MS - Date.now()));
  }

  function concerns(changes) {
    if (changes.all) return true;
    if (page === "alerts") return changes.alerts.length > 0;
    if (page === "customer") return changes.customers.includes(account);
    return changes.customers.length > 0;
  }

  function show(state, title) {
    pulse.hidden = false; pulse.className = "pulse " + state; pulse.title = title;
  }

  let met = false;
  const stream = new EventSource("/events");
  stream.addEventListener("ready", () => { show("on", "Live"); if (met) soon(); met = true; });
  stream.onmessage = (message) => { if (concerns(JSON.parse(message.data))) soon(); };
  stream.onerror = () => show("off", "Not connected; trying again");
  document.addEventListener("visibilitychange", () => { if (!document.hidden && due) soon(); });
  window.addEventListener("pagehide", () => stream.close());
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  function say(text) {
    toast.textContent = text; toast.hidden = false;
    clearTimeout(say.timer); say.timer = setTimeout(() => { toast.hidden = true; }, 5000);
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-post]");
    if (!button) return;
    button.disabled = true;
    try {
      const answer = await fetch(button.dataset.post, { method: "POST", headers: { "content-type": "application/json" }, body: button.dataset.body });
      if (answer.status === 401) { location.reload(); return; }
      if (!answer.ok) say((await answer.json()).message);
      soon();
    } catch { say("The console cannot be reached."); }
    finally { button.disabled = false; }
  });

  const filters = document.querySelector("form.filters");
  if (filters) {
    filters.addEventListener("change", (event) => { if (event.target.matches("select")) filters.requestSubmit(); });
    // Empty fields would only make the address long.
    filters.addEventListener("formdata", (event) => {
      for (const [name, value] of [...event.formData]) if (!value || (name === "sort" && value === "name")) event.formData.delete(name);
    });
  }
})();
