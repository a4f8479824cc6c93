"use strict";
// Comfort only: the page can be read in full without this script. It reads the page's own
// attributes, writes classes and visibility, and never builds markup from text.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const all = (selector, from = document) => Array.from(from.querySelectorAll(selector));
  const one = (selector) => document.querySelector(selector);

  // A box, its crop cards and its place in the chains light up together.
  let hot = null;
  const light = (number) => {
    if (number === hot) return;
    hot = number;
    all(".hot").forEach((element) => element.classList.remove("hot"));
    all(".boxes").forEach((drawing) => {
      const mine = number === null ? [] : all(".box", drawing).filter((box) => box.dataset.box === number);
      drawing.classList.toggle("busy", mine.length > 0);
      mine.forEach((box) => box.classList.add("hot"));
    });
  };
  const follow = (event) => {
    const owner = event.target instanceof Element ? event.target.closest("[data-box]") : null;
    light(owner ? owner.dataset.box : null);
  };
  document.addEventListener("pointerover", follow);
  document.addEventListener("focusin", follow);

  // Boxes of one turn.
  const showBoxes = (turn) => {
    all("[data-show]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.show === turn)));
    all(".box").forEach((box) => box.classList.toggle("off", turn !== "" && box.dataset.turn !== turn));
  };

  // Walking over turns, or over the rows of a run.
  const stops = all(".turn").length ? all(".turn") : [];
  let place = -1;
  const goTo = (next) => {
    const targets = stops.length ? stops : all("#rows tbody tr:not([hidden]) .question a");
    if (!targets.length) return;
    place = Math.max(0, Math.min(next, targets.length - 1));
    const target = targets[place];
    target.focus({ preventScroll: true });
    target.scrollIntoView({ block: stops.length ? "start" : "nearest" });
    if (stops.length) mark(target);
  };
  const mark = (turn) => {
    place = stops.indexOf(turn);
    stops.forEach((other) => other.classList.toggle("here", other === turn));
    all("[data-step]").forEach((step) => step.classList.toggle("here", step.dataset.step === turn.dataset.turn));
  };
  if (stops.length && "IntersectionObserver" in window) {
    const watcher = new IntersectionObserver(
      (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => mark(entry.target)),
      { rootMargin: "-20% 0px -70% 0px" },
    );
    stops.forEach((turn) => watcher.observe(turn));
  }

  const toggleFolded = () => {
    const folded = all("details", stops[place] || document);
    const open = folded.some((details) => !details.open);
    folded.forEach((details) => { details.open = open; });
  };
  const follows = (relation) => {
    const link = one(`.places a[rel="${relation}"]`);
    if (link) link.click();
  };
  const currentTurn = () => (stops[place] ? stops[place].dataset.turn : "");
  const keys = {
    j: () => goTo(place + 1),
    k: () => goTo(place - 1),
    o: toggleFolded,
    a: () => showBoxes(""),
    t: () => showBoxes(currentTurn()),
    "[": () => follows("prev"),
    "]": () => follows("next"),
    "/": () => { const field = one("#filter-text"); if (field) field.focus(); },
    "?": () => one("#help").showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, dialog")) return;
    const act = Object.hasOwn(keys, event.key) ? keys[event.key] : null;
    if (!act) return;
    event.preventDefault();
    act();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("#large .box")) one("#large").close();
    const button = event.target.closest("button, dialog");
    if (!button) return;
    if (button.dataset.show !== undefined) showBoxes(button.dataset.show);
    if (button.dataset.help !== undefined) one("#help").showModal();
    if (button.dataset.enlarge !== undefined) {
      one("#large").replaceChildren(button.closest(".scene").querySelector(".canvas").cloneNode(true));
      one("#large").showModal();
      one("#large").focus();
    }
    if (button.tagName === "DIALOG") button.close();
  });

  // The table of a run: filter and sort.
  const table = one("#rows");
  if (!table) return;
  const rows = all("tbody tr", table);
  const chosen = (id) => { const field = one(id); return field ? field.value : ""; };
  const filter = () => {
    const words = chosen("#filter-text").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row) => {
      const text = row.textContent.toLowerCase();
      const fits = words.every((word) => text.includes(word))
        && ["verdict", "stop", "mode"].every((name) => ["", row.dataset[name]].includes(chosen(`#filter-${name}`)));
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    });
    one("#shown").textContent = `${shown} shown`;
    place = -1;
  };
  one(".filters").addEventListener("input", filter);
  one(".filters").addEventListener("submit", (event) => event.preventDefault());
  const sortBy = (head) => {
    const column = Array.from(head.parentElement.children).indexOf(head);
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    all("th", table).forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const value = (row) => {
      const cell = row.children[column];
      return head.dataset.sort === "number" ? Number(cell.dataset.value) : cell.textContent.trim();
    };
    const compare = (a, b) => (value(a) < value(b) ? -sign : value(a) > value(b) ? sign : 0);
    table.tBodies[0].append(...rows.slice().sort(compare));
  };
  all("th[data-sort]", table).forEach((head) => {
    head.tabIndex = 0;
    head.addEventListener("click", () => sortBy(head));
    head.addEventListener("keydown", (event) => { if (event.key === "Enter") sortBy(head); });
  });
})();
