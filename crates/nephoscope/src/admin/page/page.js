// Keeps the page alive: fetches it again and changes only what differs, so that scroll, focus and open parts stay; lets
// ages run on; searches while one types; reads values off the chart. Without it the page is complete, only still.
"use strict";
(() => {
  const REFRESH_MS = 10000, HIDDEN_TURNS = 6, TYPING_MS = 250, PATIENCE_MS = 8000;
  const one = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => from.querySelectorAll(selector);

  // The daemon's clock less ours, in ms: ages are the daemon's.
  let skew = 0;
  const noteClock = (body) => { skew = body.dataset.now * 1000 - Date.now(); };
  noteClock(document.body);

  const two = (large, unit, small, smallUnit) => small ? `${large} ${unit} ${small} ${smallUnit}` : `${large} ${unit}`;
  function span(s) {
    if (s < 120) return `${s} s`;
    if (s < 7200) return `${Math.floor(s / 60)} min`;
    if (s < 172800) return two(Math.floor(s / 3600), "h", Math.floor(s / 60) % 60, "min");
    return two(Math.floor(s / 86400), "d", Math.floor(s / 3600) % 24, "h");
  }
  function tick() {
    const now = Date.now() + skew;
    for (const time of all("time[data-age]")) {
      const text = span(Math.max(0, Math.floor((now - Date.parse(time.dateTime)) / 1000)));
      if (time.textContent !== text) time.textContent = text;
    }
  }

  // Makes `old` equal to `fresh` with as few changes as possible.
  function morph(old, fresh) {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
      old.replaceWith(fresh);
    } else if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
    } else {
      attributes(old, fresh);
      if (old.id !== "readout") children(old, fresh);
    }
  }
  function attributes(old, fresh) {
    const kept = (name) => name === "open" || (old.nodeName === "INPUT" && name === "value") || old.id === "lost";
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !kept(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value && !kept(name)) old.setAttribute(name, value);
    }
  }
  function children(old, fresh) {
    const [before, after] = [[...old.childNodes], [...fresh.childNodes]];
    after.forEach((node, place) => (before[place] ? morph(before[place], node) : old.append(node)));
    before.slice(after.length).forEach((node) => node.remove());
  }

  // One refresh at a time; a newer wish replaces an older one.
  let running = null;
  async function refresh() {
    if (running) running.abort();
    const mine = running = new AbortController();
    const timer = setTimeout(() => mine.abort(), PATIENCE_MS);
    try {
      const answer = await fetch(location.href, { signal: mine.signal, headers: { accept: "text/html" } });
      const text = await answer.text();
      if ([401, 403].includes(answer.status)) return lost("Signed out", "Load the page again to sign in.");
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const fresh = new DOMParser().parseFromString(text, "text/html");
      // Something else may have taken the daemon's place.
      if (!fresh.body.dataset.now) throw new Error("another page");
      // Another version has another script.
      if (fresh.body.dataset.version !== document.body.dataset.version) return location.reload();
      show(fresh);
    } catch (error) {
      if (running === mine) lost();
    } finally {
      clearTimeout(timer);
      if (running === mine) running = null;
    }
  }
  function show(fresh) {
    noteClock(fresh.body);
    document.body.dataset.now = fresh.body.dataset.now;
    if (document.title !== fresh.title) document.title = fresh.title;
    found();
    for (const part of all("main > section, #asof")) {
      const counterpart = fresh.getElementById(part.id);
      if (counterpart) morph(part, counterpart);
    }
    cross();
  }

  // While the daemon is gone, title, icon and headline say so and since when; the next answer puts all of it right.
  const icon = one("link[rel=icon]"), calm = icon.href;
  let answered = Date.now();
  function found() {
    answered = Date.now();
    one("#lost").hidden = true;
    icon.href = calm;
  }
  function lost(what = "No answer from the daemon", advice = "Check that it runs (systemctl status nephoscope); the page keeps asking.") {
    const since = new Date(answered + skew), notice = one("#lost");
    if (!notice.hidden && notice.dataset.what === what) return;
    const headline = `${what} since ${since.toISOString().slice(11, 16)} UTC`;
    document.title = `${headline} · Nephoscope`;
    icon.href = calm.replaceAll("%23777", "%23c22");
    one("#now").className = "now bad";
    one("#headline span").textContent = headline;
    one("#headline use").setAttribute("href", "#bad");
    const age = document.createElement("time");
    age.dataset.age = "";
    age.dateTime = since.toISOString();
    notice.replaceChildren("Everything below is from its last answer, ", age, ` ago. ${advice}`);
    notice.dataset.what = what;
    notice.hidden = false;
    tick();
  }

  // Searching while one types: the address changes as the form would change it.
  let typing;
  document.addEventListener("input", ({ target }) => {
    if (!target.form || !target.form.classList.contains("find")) return;
    clearTimeout(typing);
    typing = setTimeout(() => go(wanted(target.form), false), TYPING_MS);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.classList.contains("find")) return;
    event.preventDefault();
    clearTimeout(typing);
    go(wanted(event.target), true);
  });
  // Links to another view of the same page.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='/?']");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(new URL(link.href), true).then(() => arrive(link));
  });
  addEventListener("popstate", refresh);
  function wanted(form) {
    const url = new URL(location.href);
    for (const [name, value] of new FormData(form)) value ? url.searchParams.set(name, value) : url.searchParams.delete(name);
    url.searchParams.delete(form.id === "search" ? "series" : "page");
    return url;
  }
  function go(url, keep) {
    history[keep ? "pushState" : "replaceState"](null, "", url);
    return refresh();
  }
  function arrive(link) {
    const chart = link.closest("#series") && [...all(".chart svg")].find((svg) => svg.getClientRects().length);
    if (chart) {
      chart.focus({ preventScroll: true });
      one("#chart").scrollIntoView({ block: "nearest" });
    } else if (!link.isConnected) {
      const place = one(location.hash || "#main");
      if (place) place.scrollIntoView();
    }
  }

  // The chart: a cross at the point that is read.
  let points = [], at = -1;
  function cross() {
    const figure = one(".chart");
    points = figure ? figure.dataset.points.split(";").filter(Boolean).map((pair) => pair.split(",").map(Number)) : [];
    if (at >= points.length) at = -1;
    if (at >= 0) read(at);
  }
  function read(place) {
    at = Math.max(0, Math.min(points.length - 1, place));
    const [second, value] = points[at];
    for (const svg of all(".chart svg")) {
      const [t0, t1, v0, v1, left, right, top, bottom] = svg.dataset.scale.split(",").map(Number);
      const x = left + (second - t0) / (t1 - t0) * (right - left);
      const y = bottom - (value - v0) / (v1 - v0) * (bottom - top);
      const mark = one(".cross", svg);
      mark.setAttribute("visibility", "visible");
      mark.setAttribute("transform", `translate(${x} 0)`);
      one("circle", mark).setAttribute("cy", y);
    }
    const time = new Date(second * 1000).toISOString().slice(11, 16);
    one("#readout").textContent = `${time} UTC: ${value.toLocaleString("en", { maximumSignificantDigits: 6 })} ${one(".chart").dataset.unit}`;
  }
  function nearest(svg, clientX) {
    const box = svg.getBoundingClientRect();
    const [t0, t1, , , left, right] = svg.dataset.scale.split(",").map(Number);
    const x = (clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    const second = t0 + (x - left) / (right - left) * (t1 - t0);
    return points.reduce((best, [t], i) => (Math.abs(t - second) < Math.abs(points[best][0] - second) ? i : best), 0);
  }
  document.addEventListener("pointermove", (event) => {
    const svg = points.length && event.target.closest && event.target.closest(".chart svg");
    if (svg) read(nearest(svg, event.clientX));
  });
  document.addEventListener("keydown", (event) => {
    if (!points.length || !event.target.closest(".chart svg")) return;
    const from = at < 0 ? points.length : at;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: points.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    read(to);
  });

  cross();
  tick();
  setInterval(tick, 1000);
  // In the background a title and an icon are all there is to see: seldom, but still.
  let turn = 0;
  setInterval(() => { if (!running && (!document.hidden || ++turn % HIDDEN_TURNS === 0)) refresh(); }, REFRESH_MS);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
})();
