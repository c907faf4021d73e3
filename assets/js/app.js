/* Quarterdeck behaviours: toasts, theme, navigation, popovers, palette, keys, timers.
   Everything is delegated, so swapped HTML needs no re-binding. Pages work without this file. */
(function () {
  "use strict";
  const $ = (s, r = document) => r.querySelector(s), $$ = (s, r = document) => [...r.querySelectorAll(s)];
  const root = document.documentElement;
  const icon = (name) => `<svg class="icon" aria-hidden="true"><use href="${root.dataset.icons}#i-${name}"/></svg>`;
  const QD = (window.QD = { $, $$, icon });
  const ICONS = { ok: "circle-check", warn: "triangle-alert", crit: "octagon-x", info: "info", unknown: "circle-question-mark" };

  QD.say = (text) => { const live = $("#live"); if (live) { live.textContent = ""; requestAnimationFrame(() => (live.textContent = text)); } };
  QD.isModal = () => $("dialog:modal");

  /* Toast. Shown again each time, so that it lies above a modal. CRIT stays until dismissed. */
  QD.toast = ({ status = "info", title, text = "", link, undo }) => {
    const box = $("#toasts"), t = document.createElement("div");
    if (!box || !title) return;
    t.className = "toast"; t.dataset.status = status;
    t.innerHTML = `${icon(ICONS[status] || "info")}<div class="grow"><strong></strong><p></p></div><button type="button" class="btn btn--ghost btn--icon btn--s" data-dismiss aria-label="Dismiss">${icon("x")}</button>`;
    $("strong", t).textContent = title;
    const p = $("p", t); p.textContent = text ? text + " " : "";
    if (link && link.href) { const a = document.createElement("a"); a.href = link.href; a.textContent = link.text || link.href; p.append(a); }
    if (!p.textContent) p.remove();
    if (undo && undo.href) { const a = document.createElement("a"); a.className = "btn btn--s"; a.href = undo.href; a.dataset.dialog = ""; a.innerHTML = icon("undo-2"); a.append(undo.text || "Undo"); t.lastElementChild.before(a); }
    if (box.showPopover) { if (box.matches(":popover-open")) box.hidePopover(); box.showPopover(); }
    box.append(t);
    if (status !== "crit") setTimeout(() => t.remove(), 9000);
  };
  document.addEventListener("toast", (e) => QD.toast(e.detail || {}));   // HX-Trigger: {"toast": {…}}

  /* Theme */
  const saved = () => { try { return localStorage.getItem("qd-theme") || "auto"; } catch (e) { return root.dataset.theme || "auto"; } };
  const markTheme = () => $$("button[data-set-theme]").forEach((b) => b.setAttribute("aria-pressed", b.dataset.setTheme === saved()));
  const themed = () => document.dispatchEvent(new Event("qd:theme"));
  function setTheme(t) {
    if (t === "auto") delete root.dataset.theme; else root.dataset.theme = t;
    try { if (t === "auto") localStorage.removeItem("qd-theme"); else localStorage.setItem("qd-theme", t); } catch (e) { /* lasts for this page */ }
    themed(); markTheme();
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themed);
  markTheme();

  /* Clicks on parts */
  document.addEventListener("click", (e) => {
    const over = e.target;
    if (over.matches("dialog.drawer, dialog.palette")) {   // the backdrop: closes these, never a confirm dialog
      const r = over.getBoundingClientRect();
      if (e.clientX < r.left || e.clientX > r.right || e.clientY < r.top || e.clientY > r.bottom) over.close();
    }
    const b = over.closest("button, a");
    if (!b) return;
    const d = b.dataset;
    if (d.opens) {
      const g = document.getElementById(d.opens), menu = b.closest("[popover]");
      if (g) { e.preventDefault(); if (menu) menu.hidePopover(); if (g.id === "palette") QD.palette(); else g.showModal(); }
    }
    if ("closes" in d) { const g = b.closest("dialog:modal"); if (g) { e.preventDefault(); g.close(); } }
    if ("dismiss" in d) dismiss(b);
    if (d.setTheme) setTheme(d.setTheme);
    if ("navToggle" in d) nav(document.body.dataset.nav !== "open");
    if ("palette" in d && QD.palette) QD.palette();
    if (d.copy && navigator.clipboard) navigator.clipboard.writeText(d.copy).then(() => QD.say("Copied"), () => QD.toast({ status: "warn", title: "Not copied", text: "The browser refused." }));
    if (d.toast) QD.toast(JSON.parse(d.toast));
  });
  const hidden = () => { try { return JSON.parse(sessionStorage.getItem("qd-hidden") || "[]"); } catch (e) { return []; } };
  function dismiss(b) {
    const el = b.closest(".toast, .banner");
    if (!el) return;
    if (el.dataset.key) { try { sessionStorage.setItem("qd-hidden", JSON.stringify([...hidden(), el.dataset.key])); } catch (e) { /* comes back on the next page */ } }
    el.remove();
  }
  QD.hideDismissed = () => { const keys = hidden(); $$(".banner[data-key]").forEach((b) => { if (keys.includes(b.dataset.key)) b.remove(); }); };
  QD.hideDismissed();

  /* Navigation deck on a phone */
  function nav(open) {
    document.body.dataset.nav = open ? "open" : "";
    $$("[data-nav-toggle][aria-expanded]").forEach((x) => x.setAttribute("aria-expanded", open));
    const to = open ? $(".nav__link") : $(".topbar__menu");
    if (to) to.focus();
  }

  /* Popovers: under the opener, inside the viewport */
  function place(p, a) {
    const r = a.getBoundingClientRect(), w = p.offsetWidth, h = p.offsetHeight;
    p.style.left = Math.max(8, Math.min(r.left, innerWidth - w - 12)) + "px";
    p.style.top = (r.bottom + h + 12 > innerHeight && r.top > h ? r.top - h - 6 : r.bottom + 6) + "px";
  }
  document.addEventListener("toggle", (e) => {
    const p = e.target;
    if (!p.matches || !p.matches(".menu") || e.newState !== "open") return;
    const a = $(`[popovertarget="${p.id}"]`); if (a) place(p, a);
  }, true);

  /* Command palette: combobox and listbox; the options come from the server */
  const pal = $("#palette");
  if (pal) {
    const inp = $("input", pal), opts = () => $$("[role=option]:not([hidden])", pal);
    let at = 0;
    const mark = (i) => {
      const o = opts(); inp.removeAttribute("aria-activedescendant");
      if (!o.length) return;
      at = (i + o.length) % o.length;
      $$("[role=option]", pal).forEach((x) => x.setAttribute("aria-selected", x === o[at]));
      inp.setAttribute("aria-activedescendant", o[at].id); o[at].scrollIntoView({ block: "nearest" });
    };
    const go = (o) => {
      pal.close();
      if (o.dataset.setTheme) return setTheme(o.dataset.setTheme);
      if (o.dataset.opens) return document.getElementById(o.dataset.opens).showModal();
      if ("dialog" in o.dataset) return QD.openDialog(o.dataset.href, document.activeElement);
      location.href = o.dataset.href;
    };
    /* Incidents by number and title: asked of the server, a moment after the last key */
    const found = $("[data-found]", pal), record = $("template[data-record]", pal);
    let asking = 0, pause;
    const find = async (q) => {
      const turn = ++asking;
      let list = [];
      if (q.length > 1) {
        const answer = await fetch(`${pal.dataset.find}?limit=6&q=${encodeURIComponent(q)}`, { headers: { Accept: "application/json" } }).catch(() => null);
        if (answer && answer.ok) list = (await answer.json()).incidents;
      }
      if (turn !== asking) return;
      const kept = opts()[at];
      found.replaceChildren(...list.map((one, i) => {
        const o = record.content.firstElementChild.cloneNode(true), [text, note] = $$("span", o);
        o.id = "po-found-" + i; o.dataset.href = "/incidents/" + one.reference;
        text.textContent = `${one.reference} ${one.title}`; note.textContent = `${one.severity} ${one.status}`;
        return o;
      }));
      found.hidden = !list.length;
      $("[data-none]", pal).hidden = opts().length > 0; mark(Math.max(0, opts().indexOf(kept)));
    };
    inp.addEventListener("input", () => {
      const q = inp.value.trim().toLowerCase();
      if (pal.dataset.find) { clearTimeout(pause); pause = setTimeout(find, 150, q); }
      $$("[role=option]:not([id^=po-found])", pal).forEach((o) => (o.hidden = !o.textContent.toLowerCase().includes(q)));
      $$("[role=group]:not([data-found])", pal).forEach((g) => (g.hidden = !$("[role=option]:not([hidden])", g)));
      $("[data-none]", pal).hidden = opts().length > 0; mark(0);
    });
    inp.addEventListener("keydown", (e) => {
      if (e.key === "ArrowDown") { e.preventDefault(); mark(at + 1); }
      if (e.key === "ArrowUp") { e.preventDefault(); mark(at - 1); }
      if (e.key === "Enter") { e.preventDefault(); const o = opts()[at]; if (o) go(o); }
    });
    pal.addEventListener("click", (e) => { const o = e.target.closest("[role=option]"); if (o) go(o); });
    QD.palette = () => { pal.showModal(); inp.value = ""; inp.dispatchEvent(new Event("input")); inp.focus(); };
  }

  /* Measure again: the form of the refresh button, else the page afresh */
  QD.refresh = () => { const f = $("form[data-refresh]"); if (f) f.requestSubmit(); };

  /* Keys. Single letters are off in fields and under a modal, and where the person turned them off. */
  let g = 0;
  const noKeys = () => { try { return localStorage.getItem("qd-keys") === "off"; } catch (e) { return false; } };
  document.addEventListener("keydown", (e) => {
    if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k" && QD.palette && !QD.isModal()) { e.preventDefault(); QD.palette(); return; }
    if (e.key === "Escape" && document.body.dataset.nav === "open") nav(false);
    if (e.ctrlKey || e.metaKey || e.altKey || noKeys() || QD.isModal() || (e.target.matches && e.target.matches("input, textarea, select, [contenteditable]"))) return;
    const key = e.key.toLowerCase();
    if (Date.now() - g < 1200) { g = 0; const a = $(`.nav__link[data-key="${CSS.escape(key)}"]`); if (a) { e.preventDefault(); location.href = a.href; return; } }
    if (key === "g") g = Date.now();
    if (key === "/") { const f = $(".filters input:not([type=hidden])") || $(".search input"); if (f) { e.preventDefault(); f.focus(); } }
    if (key === "?") { const k = $("#keys"); if (k) k.showModal(); }
    if (key === "r") QD.refresh();
    if (key === "k" && e.shiftKey) { if (QD.kill) { e.preventDefault(); QD.kill(document.activeElement); } return; }   // with Shift: Caps Lock alone must not kill
    if (key === "j" || key === "k") {
      const rows = $$("[data-row]").filter((r) => r.offsetParent), i = rows.indexOf(document.activeElement.closest("[data-row]"));
      const n = rows[Math.max(0, Math.min(rows.length - 1, i + (key === "j" ? 1 : -1)))];
      if (n) ($("a, button", n) || n).focus();
    }
  });
  const keys = $("[data-keys-off]");
  if (keys) { keys.checked = noKeys(); keys.addEventListener("change", () => { try { localStorage.setItem("qd-keys", keys.checked ? "off" : "on"); } catch (e) { /* lasts for this page */ } }); }

  /* Ticked rows: all of the page at once, and how many they are */
  document.addEventListener("change", (e) => {
    const form = e.target.type === "checkbox" && e.target.closest("form[data-bulk]"); if (!form) return;
    const boxes = $$("tbody input[type=checkbox]", form);
    if ("checkAll" in e.target.dataset) boxes.forEach((b) => (b.checked = e.target.checked));
    const n = boxes.filter((b) => b.checked).length, out = $("[data-checked]", form);
    if (out) out.textContent = n;
  });

  /* Fields: counter, range output */
  const fill = (f) => { f.style.setProperty("--v", (f.value - f.min) / (f.max - f.min) * 100 + "%"); const o = f.parentElement.querySelector("output"); if (o) o.value = f.value + (f.dataset.unit || ""); };
  document.addEventListener("input", (e) => {
    const f = e.target;
    if (f.dataset.count) { const n = document.getElementById(f.dataset.count); if (n) n.textContent = [...f.value.trim()].length; }
    if (f.type === "range") fill(f);
  });

  /* Timers: data-due = seconds left when the server wrote it; below zero it counts up as overdue */
  const two = (n) => String(n).padStart(2, "0"), ends = new WeakMap();
  const clock = (s) => {
    const of = (unit) => Math.floor(s / unit);
    if (s >= 86400) return `${of(86400)} d ${Math.floor(s % 86400 / 3600)} h`;
    return s >= 3600 ? `${of(3600)} h ${two(Math.floor(s % 3600 / 60))} min` : `${two(of(60))}:${two(s % 60)}`;
  };
  const tick = () => $$("[data-due]").forEach((t) => {
    if (!ends.has(t)) ends.set(t, performance.now() + t.dataset.due * 1000);
    const s = Math.round((ends.get(t) - performance.now()) / 1000);
    t.textContent = (s < 0 ? "overdue " : "") + clock(Math.abs(s));
  });
  setInterval(tick, 1000);

  /* Once at load and after each swap */
  QD.ready = (r = document) => {
    $$("input[type=range]", r).forEach(fill); tick(); markTheme(); QD.hideDismissed();
    if ($("[data-chart]") && !window.QDCharts && root.dataset.charts && !$("script[data-charts-script]")) {
      const s = document.createElement("script"); s.src = root.dataset.charts; s.dataset.chartsScript = ""; document.head.append(s);
    } else if (window.QDCharts) window.QDCharts.scan();
  };
  QD.ready();
})();
