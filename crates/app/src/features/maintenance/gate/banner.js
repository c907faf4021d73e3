/* Quarterdeck: <script src="https://QUARTERDECK/banner.js" data-audience="customers" defer></script> */
(() => {
  const doc = document, me = doc.currentScript || doc.querySelector('script[src*="/banner.js"]'), { audience = "customers", vendor, live } = me.dataset;
  const base = new URL("api/v1/maintenance/banner", me.src), query = "?" + new URLSearchParams({ audience, ...(vendor && { vendor }) });
  const make = (tag, role, text) => { const e = doc.createElement(tag); e.setAttribute("role", role); e.textContent = text; return e; };
  const host = doc.createElement("div"), root = host.attachShadow({ mode: "open" }), sheet = new CSSStyleSheet(), bars = new Map(), hidden = new Set();
  sheet.replaceSync(`div{display:flex;gap:12px;align-items:center;justify-content:center;padding:8px 16px;font:15px/1.4 system-ui,sans-serif;color:#fff;background:#1b2a4a;overflow-wrap:anywhere}
.active{background:#8a3300}.ended{background:#1c5a36}
button{min-width:44px;min-height:44px;font:inherit;color:inherit;background:0 0;border:1px solid;border-radius:6px;cursor:pointer}`);
  root.adoptedStyleSheets = [sheet];
  let told = [], skew = 0, timer;
  const left = (time) => Date.parse(time) - Date.now() + skew, min = 6e4;
  const clock = (time) => new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const span = (ms) => ms < min ? "less than a minute" : ms < 90 * min ? Math.round(ms / min) + " min" : Math.round(ms / 60 / min) + " h";
  const when = ({ phase, startsAt: from, endsAt: to }) => phase == "ended" ? "" : phase == "active" ? left(to) > 0 ? ` Until ${clock(to)}.` : " It takes longer than planned."
    : left(from) > 0 ? ` Starts in ${span(left(from))} (${clock(from)}).` : " Starts now.";
  const draw = () => {
    const kept = told.filter((w) => !hidden.has(w.id + w.phase) && (w.phase != "ended" || bars.has(w.id)));
    for (const [id, bar] of bars) if (!kept.some((w) => w.id == id)) bar.remove(), bars.delete(id);
    for (const w of kept) {
      let bar = bars.get(w.id), seen = w.phase + w.message;
      const hide = () => { hidden.add(w.id + w.phase); draw(); };
      if (!bar) bars.set(w.id, bar = make("div", "status", "")), root.append(bar);
      if (bar.seen != seen) {
        bar.seen = seen; bar.className = w.phase;
        const text = make("span", "none", w.phase == "ended" ? "The maintenance is over." : w.message);
        text.append(bar.time = make("span", "timer", ""));
        bar.replaceChildren(text);
        if (w.phase == "announced") { const ok = make("button", "button", "OK"); ok.onclick = hide; bar.append(ok); }
        if (w.phase == "ended") setTimeout(hide, 2e4);
      }
      bar.time.textContent = when(w);
    }
  };
  const ask = async () => {
    clearTimeout(timer);
    try {
      const answer = await fetch(base + query, { credentials: "omit" });
      if (answer.ok) skew = Date.now() - Date.parse(answer.headers.get("date")) || 0, told = (await answer.json()).windows;
    } catch {}
    draw();
    const soon = told.flatMap((w) => [left(w.startsAt), left(w.endsAt)]).filter((ms) => ms > 0);
    timer = setTimeout(ask, Math.min(3e4, ...soon) + 500 + Math.random() * 1e3);
  };
  const start = () => {
    doc.body.prepend(host); ask(); setInterval(draw, 1e4);
    if (live != null) new EventSource(base + "/events" + query).onmessage = () => setTimeout(ask, Math.random() * 300);
  };
  doc.body ? start() : addEventListener("DOMContentLoaded", start);
})();
