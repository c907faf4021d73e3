/* Liveness: one EventSource. An event names what changed; every [data-live~=name] is fetched again and swapped by its id,
   or replaced at once when the event carries HTML. Nothing is swapped under the reader's hands. */
(function () {
  "use strict";
  const { $, $$ } = QD, url = document.documentElement.dataset.events;
  if (!url || !window.EventSource) return;
  const known = new Set(), waiting = new Map();
  let source = null, wait = 2000, lostAt = 0, timer = 0, staleTimer = 0;

  const fresh = () => $("#freshness");
  const word = { live: "live", paused: "paused while you read", lost: "connection lost" };
  let shown = null;
  function state(s, extra) {
    shown = [s, extra];
    const f = fresh(); if (!f) return;
    f.dataset.state = s; const t = $("[data-fresh-state]", f); if (t) t.textContent = " · " + (extra || word[s]);
  }
  const measured = (at) => { const t = fresh() && $("time", fresh()); if (t && at) { t.textContent = at; } };

  /* Hands off while someone works in it, a dialog is up, or text is selected */
  let moved = 0;
  document.addEventListener("pointermove", () => { moved = Date.now(); }, { passive: true });
  const aimed = (el) => "liveKeep" in el.dataset && el.matches(":hover") && Date.now() - moved < 2000;   // somebody is about to click
  const kept = (el) => "liveKeep" in el.dataset && document.activeElement.matches("a[id]");   // its links have the same ids afterwards: the focus stays
  const busy = (el) => document.hidden || QD.isModal() || el.contains(document.activeElement) && document.activeElement !== document.body && document.activeElement !== el && !kept(el)
    || aimed(el) || $("form[data-bulk] tbody input:checked", el) || $(":popover-open.menu", el) || (getSelection() && !getSelection().isCollapsed && el.contains(getSelection().anchorNode));

  function queue(el, html) { if (el.id) waiting.set(el.id, html || waiting.get(el.id) || ""); clearTimeout(timer); timer = setTimeout(flush, 150); }
  function flush() {
    let held = false;
    for (const [id, html] of [...waiting]) {
      const el = document.getElementById(id);
      if (!el) { waiting.delete(id); continue; }
      if (busy(el)) { held = true; continue; }
      waiting.delete(id);
      if (html) { htmx.swap(el, html, { swapStyle: "outerHTML" }); continue; }
      const how = "liveOob" in el.dataset ? { swap: "none" } : { swap: "outerHTML", select: "#" + CSS.escape(id) };
      const focused = el.contains(document.activeElement);
      const lost = () => { const to = focused && document.activeElement === document.body && $("[tabindex]", document.getElementById(id) || undefined); if (to) to.focus({ preventScroll: true }); };
      htmx.ajax("GET", el.dataset.liveSrc || location.pathname + location.search, { target: el, source: el, headers: { "QD-Live": "1" }, ...how }).then(lost, () => {});
    }
    if (held && !document.hidden) { clearTimeout(timer); timer = setTimeout(flush, 2000); }
    if (!lostAt) state(held && !document.hidden ? "paused" : "live");
  }
  for (const ev of ["focusout", "visibilitychange", "selectionchange", "close"]) document.addEventListener(ev, () => { if (waiting.size) { clearTimeout(timer); timer = setTimeout(flush, 300); } }, true);

  function heard(e) {
    if (e.type === "freshness") { try { measured(JSON.parse(e.data).measured); } catch (x) { measured(e.data); } return; }
    const html = e.data && e.data.trim().startsWith("<") ? e.data : "";
    $$(`[data-live~="${CSS.escape(e.type)}"]`).forEach((el) => queue(el, html));
  }
  function listen() {
    if (!source) return;
    const names = new Set(["freshness"]); $$("[data-live]").forEach((el) => el.dataset.live.split(/\s+/).forEach((n) => n && names.add(n)));
    for (const n of names) if (!known.has(n)) { known.add(n); source.addEventListener(n, heard); }
  }
  document.addEventListener("htmx:afterSettle", () => { listen(); if (shown) state(...shown); });   // a swap may have brought a new top bar

  const stale = (on) => $$("[data-live]").forEach((el) => el.toggleAttribute("data-stale", on));
  function open() {
    known.clear(); source = new EventSource(url); listen();
    source.onopen = () => {
      wait = 2000; clearTimeout(staleTimer); state("live");
      if (lostAt) { lostAt = 0; stale(false); $$("[data-live]").forEach((el) => queue(el)); }   // catch up on what was missed
    };
    source.onerror = () => {
      source.close(); source = null;
      if (!lostAt) { lostAt = Date.now(); staleTimer = setTimeout(() => stale(true), 60000); }
      const ms = wait * (0.75 + Math.random() / 2); wait = Math.min(wait * 2, 30000);
      state("lost", `connection lost, retry in ${Math.round(ms / 1000)} s`); setTimeout(open, ms);
    };
  }
  addEventListener("pagehide", () => { if (source) source.close(); });
  addEventListener("pageshow", (e) => { if (e.persisted) open(); });
  open();
})();
