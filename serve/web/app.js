// What this script adds: keys, suggestions, facets at once, the live toggle, copying
// a citation. Every page works without it. It writes text nodes only, never markup.
(() => {
  "use strict";
  const doc = document, root = doc.documentElement, body = doc.body;
  root.classList.add("js");
  const $ = (s, from = doc) => from.querySelector(s);
  const all = (s, from = doc) => [...from.querySelectorAll(s)];
  const store = {
    get(k) { try { return localStorage.getItem(k); } catch { return null; } },
    set(k, v) { try { localStorage.setItem(k, v); } catch { /* private mode */ } },
  };

  let hiding;
  const toast = (text) => {
    const p = $("#toast");
    p.textContent = text;
    p.hidden = false;
    clearTimeout(hiding);
    hiding = setTimeout(() => { p.hidden = true; }, 4000);
  };

  // --- facets: applied at once; with Alt, a value is left out
  doc.addEventListener("change", (e) => {
    const form = e.target.closest && e.target.closest(".facetform");
    if (form && e.target.type === "checkbox") form.requestSubmit();
  });
  doc.addEventListener("click", (e) => {
    const label = e.altKey && e.target.closest(".facetform label");
    if (label) {
      e.preventDefault();
      label.parentElement.querySelector(".not").click();
    }
  });

  // On a phone the filters wait behind their summary.
  const facets = $("details.facets");
  if (facets && matchMedia("(max-width: 52rem)").matches) facets.open = false;

  // On a phone the sections scroll sideways: the one we are in is in sight.
  const here0 = $("nav.main [aria-current]");
  if (here0) here0.parentElement.scrollLeft = here0.offsetLeft - 24;

  // An open menu closes when one looks elsewhere.
  doc.addEventListener("click", (e) => {
    for (const m of all("details.menu[open]")) if (!m.contains(e.target)) m.open = false;
  });

  // --- citation
  const cite = (from) => {
    const text = from && from.dataset.note;
    if (!text) return;
    const done = () => toast(body.dataset.copied);
    if (navigator.clipboard && isSecureContext) {
      navigator.clipboard.writeText(text).then(done, () => toast(text));
    } else {
      toast(text);
    }
  };
  doc.addEventListener("click", (e) => {
    if (e.target.closest("[data-act=cite]")) cite(e.target.closest("[data-note]"));
  });

  // --- rows
  let cur = null;
  const rows = () => all("main .row");
  const select = (row) => {
    if (cur) cur.classList.remove("cur");
    cur = row;
    if (!row) return;
    row.classList.add("cur");
    if (!row.hasAttribute("tabindex")) row.tabIndex = -1;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  };
  const step = (by) => {
    const list = rows();
    if (!list.length) return;
    const i = list.indexOf(cur);
    select(list[i < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(list.length - 1, Math.max(0, i + by))]);
  };
  const here = () => cur || ($("article.sheet") ? $("article.sheet") : rows()[0]);
  const follow = (sel, tab) => {
    const a = here() && $(sel, here());
    if (!a) return;
    if (tab) open(a.href, "_blank", "noopener,noreferrer");
    else a.click();
  };

  // --- keys
  const keysOn = () => store.get("keys") !== "off";
  const box = $("#keys-on");
  if (box) {
    box.checked = keysOn();
    box.addEventListener("change", () => store.set("keys", box.checked ? "on" : "off"));
  }
  // Other keys than ours, chosen on the page of the keys: { ours: theirs }.
  let mine = {};
  try { mine = JSON.parse(store.get("keymap")) || {}; } catch { /* somebody else's */ }
  const ours = (key) => {
    for (const [k, v] of Object.entries(mine)) if (v === key) return k;
    return key in mine ? "" : key;
  };
  for (const i of all("input[data-was]")) {
    i.value = mine[i.dataset.was] || i.dataset.was;
    i.addEventListener("change", () => {
      const was = i.dataset.was, now = i.value.trim() || was;
      const taken = all("input[data-was]").some((o) => o !== i && o.value === now);
      i.setAttribute("aria-invalid", String(taken));
      $("#keys-taken").hidden = !taken;
      if (taken) return;
      delete mine[was];
      if (now !== was) mine[was] = now;
      i.value = now;
      store.set("keymap", JSON.stringify(mine));
    });
  }
  const reset = $("#keys-reset");
  if (reset) reset.addEventListener("click", () => { store.set("keymap", "{}"); location.reload(); });
  const go = { s: "/search", v: "/vendors", p: "/prices", t: "/trends", a: "/alerts", h: "/sources" };
  let pendingG = 0;
  const pressKeyed = (key) => {
    const a = $(`[data-key="${key}"]`);
    if (a) a.click();
  };
  const acts = {
    "/": () => { const q = $("#q"); if (q) { q.focus(); q.select(); } },
    j: () => step(1), k: () => step(-1), n: () => step(1), p: () => step(-1),
    o: () => follow("a.open"),
    v: () => follow("a.src"), V: () => follow("a.src", true),
    y: () => { const h = here(); cite(h && (h.dataset.note ? h : h.closest("[data-note]"))); },
    x: () => {
      if ($('[data-key="x"]')) return pressKeyed("x");
      const a = here() && $("a.open", here());
      if (a && /^\/deals\//.test(a.getAttribute("href"))) location.href = a.href + "#feedback";
    },
    a: () => pressKeyed("a"), w: () => pressKeyed("w"),
    c: () => { const i = $('[data-focus="c"]'); if (i) i.focus(); },
    e: () => { const m = all("details.menu").pop(); if (m) { m.open = true; $("a", m).focus(); } },
    "[": () => pressKeyed("["), "]": () => pressKeyed("]"),
    f: () => { if (facets) { facets.open = true; const i = $("input[type=checkbox]", facets); if (i) i.focus(); } },
    t: () => {
      const tabs = all(".tabs a"), i = tabs.findIndex((a) => a.hasAttribute("aria-current"));
      if (tabs.length) tabs[(i + 1) % tabs.length].click();
    },
    "?": () => { location.href = "/help/keys"; },
  };
  const typing = (el) => el.closest("input:not([type=checkbox],[type=radio]), textarea, select, [contenteditable]");
  doc.addEventListener("keydown", (e) => {
    if (e.key === "Escape") {
      for (const m of all("details.menu[open]")) m.open = false;
      if (typing(e.target)) e.target.blur();
      else select(null);
      return;
    }
    if (!keysOn() || e.ctrlKey || e.metaKey || e.altKey || e.isComposing || typing(e.target)) return;
    if (Date.now() - pendingG < 1500 && go[e.key]) {
      e.preventDefault();
      pendingG = 0;
      location.href = go[e.key];
      return;
    }
    pendingG = 0;
    const key = ours(e.key);
    if (key === "g") { pendingG = Date.now(); return; }
    if (e.key === "Enter" && e.target === cur && cur) { follow("a.open"); return; }
    const act = acts[key];
    if (act) { e.preventDefault(); act(); }
  });

  // --- suggestions: an ARIA combobox over /api/v1/suggest
  const combo = (input) => {
    const list = doc.createElement("ul");
    list.className = "suggest";
    list.id = input.id + "-list";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", input.labels[0] ? input.labels[0].textContent : "");
    list.hidden = true;
    input.after(list);
    for (const [k, v] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id })) input.setAttribute(k, v);
    let items = [], at = -1, timer, asked = 0;
    const close = () => {
      list.hidden = true;
      items = [];
      at = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    };
    const mark = (i) => {
      at = i;
      all("li", list).forEach((li, n) => li.setAttribute("aria-selected", String(n === i)));
      if (i >= 0) input.setAttribute("aria-activedescendant", list.children[i].id);
      else input.removeAttribute("aria-activedescendant");
    };
    const take = (i) => {
      const s = items[i], chars = [...input.value];
      const head = chars.slice(0, s.from).join("") + s.text;
      const space = s.text.endsWith(":") ? "" : " ";
      const tail = chars.slice(s.to).join("").replace(/^\s+/, "");
      input.value = head + space + tail;
      const pos = (head + space).length;
      input.setSelectionRange(pos, pos);
      close();
      if (s.text.endsWith(":")) ask();
    };
    const ask = () => {
      clearTimeout(timer);
      timer = setTimeout(async () => {
        const n = ++asked;
        if (!input.value.trim()) { close(); return; }
        const pos = [...input.value.slice(0, input.selectionStart)].length;
        try {
          const res = await fetch(`/api/v1/suggest?q=${encodeURIComponent(input.value)}&pos=${pos}`);
          if (!res.ok || n !== asked || doc.activeElement !== input) return;
          items = (await res.json()).data;
        } catch { return; }
        list.replaceChildren(...items.map((s, i) => {
          const li = doc.createElement("li"), text = doc.createElement("span"), note = doc.createElement("span");
          li.id = `${list.id}-${i}`;
          li.setAttribute("role", "option");
          li.setAttribute("aria-selected", "false");
          text.textContent = s.text;
          note.className = "soft";
          note.textContent = (s.label === s.text ? "" : s.label) + (s.count ? ` · ${s.count}` : "");
          li.append(text, note);
          li.addEventListener("mousedown", (e) => { e.preventDefault(); take(i); });
          return li;
        }));
        at = -1;
        list.hidden = !items.length;
        input.setAttribute("aria-expanded", String(!!items.length));
      }, 80);
    };
    input.addEventListener("input", ask);
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (e) => {
      if (list.hidden) return;
      if (e.key === "ArrowDown" || e.key === "ArrowUp") {
        e.preventDefault();
        const by = e.key === "ArrowDown" ? 1 : -1;
        mark(at + by < -1 ? items.length - 1 : at + by >= items.length ? -1 : at + by);
      } else if (e.key === "Tab" && !e.shiftKey && at >= 0 || e.key === "Enter" && at >= 0) {
        e.preventDefault();
        take(at);
      } else if (e.key === "Escape") {
        e.preventDefault();
        e.stopPropagation();
        close();
      }
    });
  };
  const q = $("#q");
  if (q) combo(q);

  // --- live: one event stream for all tabs; each tab reads its own page anew
  const button = $("#live");
  if (button) {
    button.hidden = false;
    const channel = "BroadcastChannel" in window ? new BroadcastChannel("veille-live") : null;
    let on = false, letGo = null, stream = null, timer = 0, busy = false, again = false;
    const refresh = () => {
      if (!on) return;
      if (busy) { again = true; return; }
      busy = true;
      // A document from XMLHttpRequest runs no script and needs no markup written.
      const xhr = new XMLHttpRequest();
      xhr.open("GET", location.href);
      xhr.responseType = "document";
      xhr.onloadend = () => {
        busy = false;
        if (on && xhr.status === 200 && xhr.response) swap(xhr.response);
        if (again) { again = false; refresh(); }
      };
      xhr.send();
    };
    const swap = (fresh) => {
      const old = $("#results"), now = fresh.querySelector("#results");
      if (!old || !now) return;
      const had = new Set(all(".row", old).map((r) => r.id)), mine = cur && cur.id;
      const list = doc.importNode(now, true);
      let n = 0;
      for (const r of all(".row", list)) if (!had.has(r.id)) { r.classList.add("new"); n++; }
      old.replaceWith(list);
      const empty = $(".results .empty");
      if (empty && list.children.length) empty.remove();
      for (const sel of ["#count", ".tabs"]) {
        const a = $(sel), b = fresh.querySelector(sel);
        if (a && b && a.textContent !== b.textContent) a.replaceChildren(...doc.importNode(b, true).childNodes);
      }
      cur = null;
      if (mine) { const r = doc.getElementById(mine); if (r) { cur = r; r.classList.add("cur"); } }
      if (n) toast(body.dataset.live.replace("{0}", n));
    };
    const tick = () => { clearTimeout(timer); timer = setTimeout(refresh, 250); };
    const connect = () => {
      if (!on) return;
      stream = new EventSource("/api/v1/stream");
      for (const k of ["new", "status", "value", "corroborated", "revised", "merged", "retracted"]) {
        stream.addEventListener("deal." + k, () => { tick(); if (channel) channel.postMessage("deal"); });
      }
      // Whatever came while the line was down is on the page that is read anew.
      stream.addEventListener("open", () => { body.dataset.stream = "open"; tick(); });
      stream.addEventListener("error", () => {
        body.dataset.stream = "lost";
        if (stream && stream.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
      });
    };
    if (channel) channel.onmessage = tick;
    addEventListener("online", tick);
    const start = () => {
      if (!navigator.locks) { connect(); return; }
      const gate = new AbortController();
      letGo = () => gate.abort();
      navigator.locks.request("veille-live", { signal: gate.signal }, () => new Promise((done) => {
        letGo = done;
        connect();
      })).catch(() => { /* given up before its turn */ });
      tick();
    };
    const stop = () => {
      if (stream) stream.close();
      stream = null;
      delete body.dataset.stream;
      if (letGo) letGo();
      letGo = null;
    };
    button.addEventListener("click", () => {
      on = !on;
      button.setAttribute("aria-pressed", String(on));
      if (on) start();
      else stop();
    });
    addEventListener("pagehide", stop);
  }
})();
