/* Moves through the matrix by arrow keys, and to the panel of the chosen cell. */
(function () {
  "use strict";

  const STEPS = {
    ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]
  };

  function move(event) {
    const step = STEPS[event.key], cell = event.target.closest("td");
    if (!step || !cell || event.ctrlKey || event.altKey || event.metaKey) { return; }
    const row = cell.parentElement;
    const rows = row.parentElement.rows;
    const next = rows[row.sectionRowIndex + step[0]];
    const target = next && next.cells[cell.cellIndex + step[1]];
    const button = target && target.querySelector("button");
    if (button) {
      button.focus();
      event.preventDefault();
    }
  }

  function begin() {
    document.querySelectorAll("#kingbird .kb-matrix").forEach(function (table) {
      table.addEventListener("keydown", move);
    });
    const panel = document.getElementById("kb-panel");
    if (panel) { panel.focus(); }
    /* Without JavaScript a button sends the filters. */
    document.querySelectorAll("#kingbird .kb-filters select:not([multiple])").forEach(
      function (one) {
        one.addEventListener("change", function () { one.form.submit(); });
      }
    );
  }

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", begin);
  } else {
    begin();
  }
}());
