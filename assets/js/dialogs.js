/* Server talk by htmx: confirm dialogs, drawers, optimistic switches and steps, refresh, and what to say when it fails. */
(function () {
  "use strict";
  const { $, $$, icon, toast, say } = QD;
  let opener = null;      // who opened the dialog on top: focus goes back there

  const focusBack = () => {
    const o = opener; opener = null;
    if (!o) return;
    const same = o.el.isConnected ? o.el : (o.el.id && document.getElementById(o.el.id)) || o.href && $(`a[data-dialog][href="${CSS.escape(o.href)}"]`);
    (same || $("#main") || document.body).focus();
  };
  const firstWrong = (dlg) => $('[aria-invalid="true"]', dlg) || $("[data-form-error]", dlg);

  /* Opens what GET `href` answers: a <dialog>. Anything else (a sign-in page, an old build) is visited as a page. */
  QD.openDialog = (href, from) => {
    opener = { el: from || document.activeElement, href };
    if (from && from.setAttribute) from.setAttribute("aria-busy", "true");
    htmx.ajax("GET", href, { target: "#dialogs", swap: "innerHTML", source: "#dialogs" }).finally(() => from && from.removeAttribute && from.removeAttribute("aria-busy"));
  };
  document.addEventListener("click", (e) => {
    const a = e.target.closest("a[data-dialog]");
    if (!a || e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
    e.preventDefault();
    const menu = a.closest("[popover]"), said = a.closest(".toast");
    if (said) said.remove(); else if (menu) menu.hidePopover();
    // What stands in a menu is gone with it: the focus comes back to the menu's button.
    const from = menu && $(`[popovertarget="${CSS.escape(menu.id)}"]`);
    QD.openDialog(a.getAttribute("href"), said ? document.body : from || a);
  });

  /* A form that asks first: its GET answer is a dialog. Controls in it go back when nothing came of it */
  document.addEventListener("submit", (e) => {
    const form = e.target.closest("form[data-dialog]"); if (!form) return;
    e.preventDefault();
    const to = (e.submitter && e.submitter.getAttribute("formaction")) || form.getAttribute("action");   // one form, several acts on what is ticked
    if (e.submitter && e.submitter.getAttribute("aria-disabled")) return;
    QD.openDialog(to + "?" + new URLSearchParams(new FormData(form)), $("[data-opener]", form) || e.submitter || form);
  });
  const back = (form) => { form.reset(); QD.ready(form); };
  let slide = 0, byKey = false;   // arrows change a slider step by step: wait until they rest
  document.addEventListener("keydown", (e) => { byKey = e.target.type === "range"; }, true);
  document.addEventListener("pointerdown", () => { byKey = false; }, true);
  document.addEventListener("change", (e) => {
    const form = e.target.type === "range" && e.target.closest("form[data-dialog]"); if (!form) return;
    clearTimeout(slide); slide = setTimeout(() => slid(form, e.target), byKey ? 900 : 0);
  });
  /* Up asks, down is done at once: data-lower = where to post it */
  const slid = (form, range) => {
    if (!range.dataset.lower || +range.value >= +range.defaultValue) form.requestSubmit();
    else htmx.ajax("POST", range.dataset.lower, { source: form, swap: "none" });
  };

  /* The kill switch: one press on a focused flag, posted at once */
  QD.kill = (at) => {
    const el = at.closest("[data-kill]") || $("#main [data-kill-alone]");   // a row of the list, or the one flag of a page
    if (!el || el.getAttribute("aria-busy") === "true") return;
    el.setAttribute("aria-busy", "true");
    htmx.ajax("POST", el.dataset.kill, { source: el, swap: "none" }).finally(() => el.removeAttribute("aria-busy"));
  };
  function show() {
    const dlg = $("#dialogs > dialog:not([open])");
    if (!dlg) return;
    const wrong = firstWrong(dlg);
    if (wrong) dlg.dataset.again = "";   // the same form again: no second entrance
    dlg.showModal();
    if (wrong) wrong.focus();
    const form = opener && opener.el.closest && opener.el.closest("form[data-dialog]");
    const reset = form && !("bulk" in form.dataset);   // what was ticked stays ticked
    dlg.addEventListener("close", () => { dlg.remove(); if (reset && form.isConnected) back(form); focusBack(); }, { once: true });
  }

  /* Confirm forms are checked in place first; the server checks again */
  const good = (f) => f.dataset.rule === "phrase" ? f.value.trim() === f.dataset.phrase : [...f.value.trim()].length >= +f.dataset.min;
  const judge = (f) => { const ok = good(f), err = document.getElementById(f.id + "-err"); f.setAttribute("aria-invalid", !ok); if (err) err.hidden = ok; return ok; };
  const check = (form) => { const wrong = $$("[data-rule]", form).filter((f) => !judge(f)); if (wrong[0]) wrong[0].focus(); return !wrong.length; };
  document.addEventListener("submit", (e) => { if (e.target.matches("[data-confirm-form]") && !check(e.target)) { e.preventDefault(); e.stopPropagation(); } }, true);
  document.addEventListener("input", (e) => { if (e.target.matches('[data-rule][aria-invalid="true"]') && good(e.target)) judge(e.target); });

  /* Nothing came back, or no form came back: say so inside the dialog and keep what was typed */
  function formError(form, title, text) {
    let box = $("[data-form-error]", form);
    if (!box) {
      box = document.createElement("div"); box.className = "banner banner--bare"; box.tabIndex = -1; box.dataset.formError = ""; box.dataset.status = "crit"; box.setAttribute("role", "alert");
      $(".dialog__body", form).prepend(box);
    }
    box.innerHTML = `${icon("octagon-x")}<div class="banner__text"><strong></strong><p></p></div>`;
    $("strong", box).textContent = title; $("p", box).textContent = text; box.focus();
  }
  const problem = (xhr) => {
    const text = xhr.responseText || "";
    if (text.includes("data-error")) { const p = $("[data-error] p", new DOMParser().parseFromString(text, "text/html")); return p ? p.textContent : ""; }
    try { const p = JSON.parse(text); return p.detail || p.title || ""; } catch (e) { return ""; }
  };
  const why = (xhr) => problem(xhr) || (xhr.status ? `The server answered ${xhr.status}.` : "The connection was lost before an answer came.");
  const toasted = (xhr) => (xhr.getResponseHeader && xhr.getResponseHeader("HX-Trigger") || "").includes("toast");

  /* Optimistic controls: flip at once, flip back when the server says no */
  const part = (form) => $("[role=switch], input[type=checkbox]", form);
  function put(form, on) {
    const c = part(form), word = $("[data-onoff]", form), row = form.closest("li");
    if (c.type === "checkbox") c.checked = on; else c.setAttribute("aria-checked", on);
    if (word) word.textContent = on ? "On" : "Off";
    if (row && c.type === "checkbox") row.toggleAttribute("data-done", on);
    const list = form.closest(".steps"); if (list) steps(list);
  }
  const isOn = (form) => { const c = part(form); return c.type === "checkbox" ? c.checked : c.getAttribute("aria-checked") === "true"; };
  function steps(list) { const all = $$("input[type=checkbox]", list), n = all.filter((x) => x.checked).length, box = list.parentElement; $$("[data-steps-done]", box).forEach((x) => (x.textContent = n)); $$("progress[data-steps]", box).forEach((x) => (x.value = n)); }
  document.addEventListener("change", (e) => { const f = e.target.closest("form[data-optimistic]"); if (f && e.target.type === "checkbox") f.requestSubmit(); });
  document.addEventListener("htmx:configRequest", (e) => {
    const f = e.target.closest && e.target.closest("form[data-optimistic]");
    if (f) e.detail.parameters.set ? e.detail.parameters.set(f.dataset.optimistic, String(wanted(f))) : (e.detail.parameters[f.dataset.optimistic] = String(wanted(f)));
  });
  const wanted = (form) => part(form).type === "checkbox" ? part(form).checked : !isOn(form);
  document.addEventListener("htmx:beforeRequest", (e) => {
    const form = e.target.closest && e.target.closest("form"); if (!form) return;
    if (form.matches("[data-optimistic]")) { form.qdWas = part(form).type === "checkbox" ? !part(form).checked : isOn(form); put(form, !form.qdWas); part(form).setAttribute("aria-busy", "true"); return; }
    const b = $("[type=submit]", form);
    if (b) { b.setAttribute("aria-busy", "true"); if (!$(".icon", b)) b.insertAdjacentHTML("afterbegin", icon("loader-circle").replace('class="', 'data-spin class="')); }
  });
  const formOf = (e) => { const el = e.detail.requestConfig ? e.detail.requestConfig.elt : e.target; return el && el.closest && el.closest("form"); };   // htmx fires on the target, or on a parent once the form is gone
  document.addEventListener("htmx:afterRequest", (e) => {
    const form = formOf(e), xhr = e.detail.xhr, ok = xhr.status >= 200 && xhr.status < 400;   // "successful" is unset after HX-Location
    if (!form) { if (!ok && xhr.status === 0) toast({ status: "crit", title: "Not loaded", text: why(xhr) }); return; }
    $$("[aria-busy]", form).forEach((b) => b.removeAttribute("aria-busy")); $$("[data-spin]", form).forEach((i) => i.remove());
    if (form.matches("[data-optimistic]")) {
      if (ok) return;
      put(form, form.qdWas);
      if (!toasted(xhr)) { const c = part(form); toast({ status: "crit", title: "Not changed", text: `${why(xhr)} ${c.getAttribute("aria-label") || "It"} is still ${form.qdWas ? "on" : "off"}.` }); }
      return;
    }
    if (!ok && form.matches("[data-dialog]")) back(form);   // it was not lowered
    if (form.matches("[data-refresh]")) { if (ok) { (form.dataset.then === "reload" ? QD.reload() : Promise.resolve()).then(() => say("Refreshed")); } else toast({ status: "crit", title: "Not measured again", text: why(xhr) + " The figures are the old ones." }); return; }
    if (form.closest("dialog:modal")) {
      if (!ok && !xhr.qdSwapped && form.isConnected) formError(form, "Not confirmed.", `${why(xhr)} It may not have happened. Try again: it cannot happen twice.`);
      else if (ok && form.matches("[data-confirm-form]")) { const dlg = form.closest("dialog"); if (dlg.isConnected && !xhr.responseText.trim()) dlg.close(); }
    } else if (!ok && !xhr.qdSwapped && !toasted(xhr)) toast({ status: "crit", title: "Not done", text: why(xhr) });
    if (ok && form.matches("[data-confirm-form]") && !xhr.getResponseHeader("HX-Redirect") && !xhr.getResponseHeader("HX-Location")) QD.reload();
  });

  /* Fresh figures for the same address: what the act changed */
  QD.reload = () => htmx.ajax("GET", location.pathname + location.search, { target: "#main", swap: "innerHTML", source: "#main" });
  document.addEventListener("reload", () => QD.reload());   // HX-Trigger: reload

  /* What may be swapped in */
  document.addEventListener("htmx:beforeSwap", (e) => {
    const d = e.detail, text = d.xhr.responseText || "", target = d.target;
    const whole = /<html[\s>]/i.test(text.slice(0, 400));
    if (target.id === "dialogs" && !text.includes("<dialog")) {
      d.shouldSwap = false;
      if (d.xhr.status < 400 && d.requestConfig.verb === "get") location.href = d.requestConfig.path;
      else toast({ status: "crit", title: "Not opened", text: why(d.xhr) });
      return;
    }
    if (d.xhr.status >= 400) {   // only our own forms and error blocks; not a proxy's page
      d.shouldSwap = !whole && /<dialog|<form|data-error/.test(text);
      if (!d.shouldSwap && !formOf(e) && !toasted(d.xhr)) toast({ status: "crit", title: "Not loaded", text: why(d.xhr) });
      d.xhr.qdSwapped = d.shouldSwap;
    }
    if (d.shouldSwap && whole && target.id === "main") d.selectOverride = "#main > *";
  });
  document.addEventListener("htmx:afterSwap", show);
  document.addEventListener("htmx:afterSettle", () => QD.ready());
  /* Another view by HX-Location: the deck follows the address */
  document.addEventListener("htmx:pushedIntoHistory", () => {
    const here = location.pathname, fits = (a) => { const p = new URL(a.href).pathname; return p === here || (p !== "/" && here.startsWith(p + "/")); };
    const links = $$(".nav__link"), now = links.find(fits);
    if (now) links.forEach((a) => (a === now ? a.setAttribute("aria-current", "page") : a.removeAttribute("aria-current")));
  });
  /* A dialog that the server emptied is gone without a close event */
  new MutationObserver(() => { if (opener && !$("#dialogs dialog") && !document.activeElement.closest("dialog")) setTimeout(() => { if (!$("#dialogs dialog")) focusBack(); }); }).observe($("#dialogs") || document.body, { childList: true });

  /* A record's drawer that came with the page opens above its list; closing it leaves the list's address */
  $$("dialog.drawer[data-open]").forEach((d) => {
    d.removeAttribute("open"); d.showModal();
    d.addEventListener("close", () => { if (d.dataset.back) history.replaceState(null, "", d.dataset.back); }, { once: true });
  });
})();
