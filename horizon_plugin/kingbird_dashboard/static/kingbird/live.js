/* Keeps what lives on a page up to date.

   An element names a JSON view of the plugin in data-live.  It is asked again and again with the
   tag of its last answer, and not while nobody looks at the page.  Texts of other people are only
   ever written as texts. */
(function () {
  "use strict";

  function setText(element, text) {
    if (element && element.textContent !== String(text)) {
      element.textContent = text;
    }
  }

  function fillCell(element, cell) {
    const parts = [["kb-symbol", cell.symbol], ["kb-word", cell.word], ["", cell.age]];
    const nodes = [];
    parts.forEach(function (part) {
      if (!part[1]) { return; }
      const node = document.createElement(part[0] ? "span" : "small");
      node.className = part[0];
      node.textContent = part[1];
      if (part[0] === "kb-symbol") { node.setAttribute("aria-hidden", "true"); }
      nodes.push(node, document.createTextNode(" "));
    });
    element.replaceChildren.apply(element, nodes);
    element.className = element.className.replace(/\bkb-(?!cell\b|static\b)[a-z_]+/g, "").trim() +
      " kb-" + cell.kind;
    element.title = cell.label;
    if (element.hasAttribute("aria-label")) {
      element.setAttribute("aria-label", cell.label + (cell.age ? ", " + cell.age : ""));
    }
  }

  function fillCells(root, cells) {
    const byName = new Map();
    root.querySelectorAll("button[name=cell]").forEach(function (one) {
      byName.set(one.value, one);
    });
    root.querySelectorAll("[data-cell]").forEach(function (one) {
      byName.set(one.dataset.cell, one);
    });
    let unknown = 0;
    Object.keys(cells).forEach(function (name) {
      const element = byName.get(name);
      if (element) { fillCell(element, cells[name]); } else { unknown += 1; }
      byName.delete(name);
    });
    return { unknown: unknown, left: Array.from(byName.values()) };
  }

  function showState(root, answer) {
    Object.keys(answer.tiles).forEach(function (word) {
      const tile = root.querySelector('[data-tile="' + CSS.escape(word) + '"]');
      if (tile) {
        setText(tile.querySelector("b"), answer.tiles[word][0]);
        setText(tile.querySelector("small"), answer.tiles[word][1]);
      }
    });
    Object.keys(answer.heads).forEach(function (name) {
      setText(
        root.querySelector('[data-head="' + CSS.escape(name) + '"] .kb-sub'), answer.heads[name]
      );
    });
    const rest = fillCells(root, answer.cells);
    rest.left.forEach(function (cell) {
      /* An image that is not answered any more is in order now. */
      if (!cell.classList.contains("kb-source")) {
        fillCell(cell, { kind: "same", symbol: "✓", word: "", age: "", label: "" });
      }
    });
    /* New rows need a page of their own. */
    return rest.unknown > 0 && !document.activeElement.closest("#kingbird");
  }

  function showProgress(root, job) {
    root.querySelectorAll("[data-live-text]").forEach(function (one) {
      setText(one, job[one.dataset.liveText]);
    });
    const bar = root.querySelector("[data-live-bar]");
    if (bar) { bar.value = job.percent; }
    root.dataset.status = job.status;
  }

  function showJob(root, answer) {
    showProgress(root, answer.job);
    Object.keys(answer.regions).forEach(function (name) {
      const head = root.querySelector('[data-progress="' + CSS.escape(name) + '"]');
      if (head) {
        head.querySelector("progress").value = answer.regions[name][0];
        setText(head.querySelector(".kb-sub"), answer.regions[name][1]);
      }
    });
    fillCells(root, answer.cells);
    /* Rows come with the plan, and buttons with the end. */
    return root.dataset.total !== String(answer.job.total) || !answer.job.is_open;
  }

  function showJobs(root, answer) {
    let unknown = false;
    Object.keys(answer.jobs).forEach(function (id) {
      const row = root.querySelector('[data-job="' + CSS.escape(id) + '"]');
      if (row) { showProgress(row, answer.jobs[id]); } else { unknown = true; }
    });
    return unknown;
  }

  const SHOW = { state: showState, job: showJob, jobs: showJobs };

  function watch(root) {
    const note = document.querySelector("#kingbird [data-live-note]");
    let tag = "", timer = null;

    function plan() {
      clearTimeout(timer);
      timer = document.hidden ? null : setTimeout(ask, Number(root.dataset.liveSeconds) * 1000);
    }

    function say(text) {
      setText(note, text);
      note.hidden = !text;
    }

    function take(response) {
      if (response.status === 401 || response.redirected) {
        /* The session has ended: the login knows where to come back to. */
        location.reload();
        return null;
      }
      if (response.status === 304) { say(""); return null; }
      return response.json().then(function (answer) {
        if (!response.ok) { say(answer.trouble || ""); return; }
        say("");
        tag = response.headers.get("ETag") || "";
        root.dataset.liveSeconds = answer.seconds;
        if (SHOW[root.dataset.liveKind](root, answer)) { location.reload(); }
      });
    }

    function ask() {
      const headers = { "X-Requested-With": "XMLHttpRequest", Accept: "application/json" };
      if (tag) { headers["If-None-Match"] = tag; }
      fetch(root.dataset.live, { headers: headers, credentials: "same-origin", cache: "no-store" })
        .then(take)
        .catch(function () { /* The dashboard is away: the next question may find it. */ })
        .finally(plan);
    }

    document.addEventListener("visibilitychange", function () {
      if (document.hidden) { clearTimeout(timer); } else { ask(); }
    });
    plan();
  }

  function begin() {
    document.querySelectorAll("#kingbird [data-live]").forEach(watch);
  }

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", begin);
  } else {
    begin();
  }
}());
