/* Previews a rule while it is typed. */
(function () {
  "use strict";

  /* Milliseconds after the last change, and between two looks at the preview. */
  const SETTLE = 800, LOOK = 500;
  /* What does not change which images the rule is about. */
  const IRRELEVANT = new Set(["name", "description", "interval", "events"]);

  function watch(form) {
    const url = form.dataset.preview, place = document.getElementById("kb-preview");
    let timer = null, job = "", turn = 0;

    function say(text) { place.textContent = text; }

    function ask(options, mine, query) {
      const headers = { "X-Requested-With": "XMLHttpRequest" };
      return fetch(url + (query || ""), Object.assign({ headers: headers }, options))
        .then(function (response) {
          if (response.status === 401) { location.reload(); }
          return response.json();
        })
        .then(function (answer) { return mine === turn ? answer : null; });
    }

    function look(mine) {
      ask({}, mine, "?job=" + encodeURIComponent(job)).then(function (answer) {
        if (!answer) { return; }
        if (answer.trouble) { say(answer.trouble); job = ""; return; }
        if (answer.sentence) { say(answer.sentence); job = ""; return; }
        setTimeout(function () { if (mine === turn) { look(mine); } }, LOOK);
      });
    }

    function begin() {
      const mine = turn += 1, body = new FormData(form);
      body.set("replaces", job);
      job = "";
      say("…");
      ask({ method: "POST", body: body }, mine).then(function (answer) {
        if (!answer) { return; }
        if (answer.trouble) { say(answer.trouble); return; }
        job = answer.job;
        look(mine);
      });
    }

    function later(event) {
      if (event && IRRELEVANT.has(event.target.name)) { return; }
      clearTimeout(timer);
      timer = setTimeout(begin, SETTLE);
    }

    form.addEventListener("input", later);
    if (document.getElementById("kb-save")) { later(null); }
  }

  function start() {
    const form = document.getElementById("kb-rule");
    if (form) { watch(form); }
  }

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", start);
  } else {
    start();
  }
}());
