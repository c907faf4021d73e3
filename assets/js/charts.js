/* uPlot styled by tokens. A chart is <figure class="chart" data-chart> with a JSON <script> inside.
   Series data may hold nulls: gaps stay gaps, and a value between gaps is a point.
   JSON: { kind: line|area|bars|stack, x:[unix s], series:[{name,key:"c1",dash?,data:[]}], unit, max?, limits:[{v,label,key}], marks:[{x,label}] } */
(function () {
  "use strict";
  const probe = document.createElement("i"); probe.hidden = true; document.body.append(probe);
  const tok = (n) => { probe.style.color = `var(--${n})`; return getComputedStyle(probe).color; };
  const alpha = (c, a) => c.endsWith(")") && c.includes("oklch") ? c.replace(/(\s*\/[^)]*)?\)$/, ` / ${a})`) : c.replace("rgb(", "rgba(").replace(")", `, ${a})`);
  const fmtT = (s, day) => { const d = new Date(s * 1000); return day ? d.toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" }) : d.toISOString().slice(11, 16); };
  const made = new Map();

  function draw(fig) {
    const cfg = JSON.parse(fig.querySelector('script[type="application/json"]').textContent);
    const host = fig.querySelector(".chart__plot"); host.textContent = "";
    if (made.has(fig)) made.get(fig).destroy();
    if (!cfg.x.length) return;
    const day = cfg.x[cfg.x.length - 1] - cfg.x[0] > 3 * 86400, stack = cfg.kind === "stack", bars = stack || cfg.kind === "bars";
    const font = `11px ${getComputedStyle(document.body).fontFamily}`, ink = tok("ink-3"), grid = tok("grid");
    let rows = cfg.series.map((s) => s.data);
    if (stack) { const acc = cfg.x.map(() => 0); rows = rows.map((r) => r.map((v, i) => (acc[i] += v || 0))); }
    const order = cfg.series.map((_, i) => i); if (stack) order.reverse();          // tallest first, smaller over it
    const colour = (k) => tok(k === "crit" ? "crit-fill" : k === "budget" ? "ink-2" : k);
    const lone = (u, si) => { const d = u.data[si], at = []; for (let i = 0; i < d.length; i++) if (d[i] != null && d[i - 1] == null && d[i + 1] == null) at.push(i); return at; };   // a value between gaps has no line: it gets a point
    const lineOf = (s) => ({ label: s.name, stroke: colour(s.key), width: s.width || 1.75, dash: s.dash, points: { show: false, filter: lone, size: 5, width: 0, fill: colour(s.key) },
      fill: cfg.kind === "area" && !s.dash ? (u) => { const g = u.ctx.createLinearGradient(0, u.bbox.top, 0, u.bbox.top + u.bbox.height); g.addColorStop(0, alpha(colour(s.key), .2)); g.addColorStop(1, alpha(colour(s.key), .01)); return g; } : undefined });
    const barOf = (s) => ({ label: s.name, stroke: stack ? tok("surface") : undefined, width: stack ? 1 : 0, fill: colour(s.key), points: { show: false }, paths: uPlot.paths.bars({ size: [.68, 26], radius: stack ? 0 : .12 }) });
    const tip = document.createElement("div"); tip.className = "chart__tip";
    const max = cfg.max || Math.max(...rows.flat().filter((v) => v != null), ...(cfg.limits || []).map((l) => l.v), 0) * 1.08 || 1;
    const overlay = { hooks: { draw: [(u) => {
      const c = u.ctx, dpr = devicePixelRatio; c.save(); c.font = `${11 * dpr}px ${getComputedStyle(document.body).fontFamily}`; c.lineWidth = dpr;
      for (const l of cfg.limits || []) { const y = Math.round(u.valToPos(l.v, "y", true)) + .5; c.strokeStyle = c.fillStyle = colour(l.key || "budget"); c.setLineDash([5 * dpr, 4 * dpr]); c.beginPath(); c.moveTo(u.bbox.left, y); c.lineTo(u.bbox.left + u.bbox.width, y); c.stroke(); if (bars) continue; const tw = c.measureText(l.label).width, tx = l.left ? u.bbox.left + tw + 6 * dpr : u.bbox.left + u.bbox.width - 2 * dpr, ty = l.below ? y + 18 * dpr : y - 3 * dpr; const ink = c.fillStyle; c.fillStyle = tok("surface"); c.globalAlpha = .86; c.fillRect(tx - tw - 4 * dpr, ty - 14 * dpr, tw + 6 * dpr, 15 * dpr); c.globalAlpha = 1; c.fillStyle = ink; c.textAlign = "right"; c.textBaseline = "bottom"; c.fillText(l.label, tx, ty); }
      for (const m of cfg.marks || []) { const x = Math.round(u.valToPos(m.x, "x", true)) + .5; c.strokeStyle = tok("brass"); c.setLineDash([]); c.beginPath(); c.moveTo(x, u.bbox.top); c.lineTo(x, u.bbox.top + u.bbox.height); c.stroke(); c.fillStyle = tok("brass-ink"); c.textBaseline = "top"; const right = x > u.bbox.left + u.bbox.width * .7; c.textAlign = right ? "right" : "left"; c.fillText(m.label, x + (right ? -5 : 5) * dpr, u.bbox.top + (m.row || 0) * 14 * dpr); }
      c.restore(); }],
      setCursor: [(u) => { const i = u.cursor.idx; if (i == null || u.cursor.left < 0) { tip.style.display = "none"; return; }
        tip.textContent = ""; const line = (tag, text, to = tip) => { const n = document.createElement(tag); n.textContent = text; to.append(n); };
        line("span", fmtT(cfg.x[i], day));
        cfg.series.forEach((s) => { if (s.data[i] == null) return; const row = document.createElement("div"); row.append(s.name + " "); line("b", `${cfg.pre || ""}${s.data[i].toLocaleString("en-GB")}${cfg.unit || ""}`, row); tip.append(row); });
        tip.style.display = "block"; const w = tip.offsetWidth, x = u.cursor.left + u.bbox.left / devicePixelRatio; tip.style.left = Math.max(0, x + w + 16 > host.clientWidth ? x - w - 10 : x + 10) + "px"; }] } };
    const alone = cfg.x.length === 1, half = alone ? 300 : bars ? (cfg.x[1] - cfg.x[0]) * .6 : 0;   // one moment alone stands in the middle of ten minutes
    const u = new uPlot({ width: host.clientWidth, height: host.clientHeight, padding: [8, 18, 0, 0], legend: { show: false }, cursor: { y: false, points: { show: !bars, size: 7 }, drag: { x: false, y: false } },
      scales: { x: { time: true, range: (_, a, b) => [a - half, (alone ? a : b) + half] }, y: { range: () => [cfg.min || 0, max] } }, tzDate: (t) => { const d = new Date(t * 1000); return new Date(d.getTime() + d.getTimezoneOffset() * 60000); },
      axes: [{ stroke: ink, font, grid: { show: false }, ticks: { show: false }, size: 26, gap: 6, space: 64, incrs: [60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 28800, 43200, 86400, 172800, 345600, 604800, 1209600, 2592000], values: (_, v) => v.map((t) => fmtT(t, day)) },
        { stroke: ink, font, grid: { stroke: grid, width: 1 }, ticks: { show: false }, size: cfg.axis || 44, gap: 6, space: 36, values: (_, v) => v.map((n) => (cfg.pre || "") + (n >= 10000 ? n / 1000 + "k" : n.toLocaleString("en-GB")) + (cfg.unit || "")) }],
      series: [{}, ...order.map((i) => (bars && !cfg.series[i].line ? barOf : lineOf)(cfg.series[i]))], plugins: [overlay] }, [cfg.x, ...order.map((i) => rows[i])], host);
    u.over.parentNode.append(tip); made.set(fig, u);
  }
  const gone = () => made.forEach((u, f) => { if (!f.isConnected) { u.destroy(); made.delete(f); } });
  const all = () => { gone(); document.querySelectorAll("[data-chart]").forEach((f) => { if (f.offsetParent !== null) draw(f); }); };
  const seen = new ResizeObserver((es) => { for (const e of es) { const f = e.target.closest("[data-chart]"), u = made.get(f); if (!e.contentRect.width) continue; if (u) u.setSize({ width: e.contentRect.width, height: e.contentRect.height }); else draw(f); } });
  const watched = new WeakSet();
  const scan = () => { gone(); document.querySelectorAll("[data-chart] .chart__plot").forEach((p) => { if (!watched.has(p)) { watched.add(p); seen.observe(p); } }); };
  window.QDCharts = { scan };   // app.js calls it after each swap
  scan();
  document.addEventListener("qd:theme", all);
  document.fonts.ready.then(all);
})();
