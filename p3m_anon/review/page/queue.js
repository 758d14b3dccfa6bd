// The left column: filters with their counts, and the pictures of the chosen one, a page at a time.

import { api } from "./api.js";
import { byId, make } from "./dom.js";
import { BROWSED } from "./review.js";
import { badge, plain, renamed } from "./words.js";

const PAGE = 60;
const TYPED = 200; // ms after the last key in the find box

export class Queue {
  rows = [];
  after = null; // the list begins behind this path
  turn = 0;

  constructor(review) {
    this.review = review;
    this.fresh = true; // nothing was read for this filter
    this.loading = false;
    this.found = ""; // what the list was searched for
    review.addEventListener("state", () => this.filters());
    review.addEventListener("filter", () => this.chosen());
    review.addEventListener("picture", () => this.mark());
    review.addEventListener("finished", () => this.load(null));
    review.addEventListener("written", () => this.load(this.after));
    review.addEventListener("decided", ({ detail }) => this.decided(detail));
    byId("find").addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.load(null), TYPED);
    });
    byId("find").addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.jump();
      else if (event.key === "Escape") this.leaveSearch(event);
    });
    byId("find-clear").onclick = () => this.clear();
  }

  filters() {
    const { state, filter } = this.review;
    const button = ({ key, label, hint, total, open }) =>
      make(
        "button",
        {
          type: "button", title: hint, data: { filter: key }, aria: { pressed: key === filter },
          onclick: () => this.review.choose(key),
        },
        make("span", {}, key.startsWith("reason:") ? renamed(key.slice("reason:".length), label) : label),
        make("span", {}, open === total || BROWSED.includes(key) ? `${total}` : `${open} of ${total}`),
      );
    const reasons = state.filters.filter(({ key }) => key.startsWith("reason:"));
    const others = state.filters.filter(({ key }) => !key.startsWith("reason:"));
    const heading = reasons.length ? [make("h2", {}, "By reason")] : [];
    const focused = document.activeElement?.dataset.filter;
    byId("filters").replaceChildren(...others.map(button), ...heading, ...reasons.map(button));
    if (focused) byId("filters").querySelector(`[data-filter="${CSS.escape(focused)}"]`)?.focus();
  }

  chosen() {
    byId("find").value = "";
    this.filters();
    this.fresh = true;
    this.rows = [];
    this.found = "";
    this.tellFound();
    this.list("");
  }

  // Read the list anew from behind `after`; keeps what is there when `add`.
  async load(after, add = false) {
    const turn = ++this.turn;
    this.fresh = false;
    this.loading = true;
    if (!add) this.after = after;
    const find = byId("find").value.trim();
    try {
      const { rows, more } = await api.queue(this.review.filter, after, PAGE, find);
      if (turn !== this.turn) return;
      this.rows = add ? [...this.rows, ...rows] : rows;
      this.more = more;
      this.found = find;
      this.tellFound();
      this.list(find ? `No name with “${find}” here.` : "Nothing waits here.");
    } catch (error) {
      this.review.trouble(error, () => this.load(after, add));
    } finally {
      if (turn === this.turn) this.loading = false;
    }
  }

  list(nothing) {
    const current = this.review.picture?.path;
    const start = this.after ? [this.step("Show from the beginning", () => this.load(null))] : [];
    const end = this.more && this.rows.length ? [this.step("Show more", () => this.load(this.rows.at(-1).path, true))] : [];
    const rows = this.rows.map((row) => this.row(row, current));
    byId("list").replaceChildren(...start, ...(rows.length ? rows : [make("p", {}, nothing)]), ...end);
    byId("list").querySelector("[aria-current=true]")?.scrollIntoView({ block: "nearest" });
  }

  step(label, onclick) {
    return make("button", { type: "button", className: "more", onclick }, label);
  }

  row({ path, id, reason, verdict, open }, current) {
    const looked = this.review.filter === "sample" && open === false;
    const decided = verdict && verdict !== "open" ? `\u2713 ${badge(verdict)}` : looked ? "\u2713 looked at" : null;
    const told = decided ?? (this.review.filter.startsWith("reason:") ? "" : plain(reason));
    return make(
      "button",
      { type: "button", title: path, data: { path }, aria: { current: path === current }, onclick: () => this.review.open(path) },
      make("span", {}, id),
      make("span", { className: decided ? "badge done" : "badge" }, told),
    );
  }

  // Show which picture is open; if the list does not hold it, begin the list with it.
  async mark() {
    const { picture } = this.review;
    if (!picture || this.loading) return; // the list that is being read will show it
    const known = this.rows.some(({ path }) => path === picture.path);
    const searching = byId("find").value.trim() !== "";
    if (this.fresh || (picture.place && !known && !searching)) {
      await this.load(picture.place > PAGE ? picture.previous : null);
    } else {
      this.list("");
    }
  }

  decided({ path, verdict, open }) {
    this.rows = this.rows.map((row) => (row.path === path ? { ...row, verdict, open } : row));
    this.list("Nothing waits here.");
  }

  // Open the first of what was searched for; who types quickly is ahead of the list.
  async jump() {
    if (this.loading || byId("find").value.trim() !== this.found) {
      clearTimeout(this.timer);
      await this.load(null);
    }
    const first = byId("list").querySelector("[data-path]");
    if (byId("find").value.trim() !== this.found || !first) return;
    byId("canvas").focus({ preventScroll: true }); // the keys are for the picture again
    first.click();
  }

  // Say what the list was searched for as long as it shows nothing else.
  tellFound() {
    byId("found").hidden = !this.found;
    byId("found").firstChild.textContent = `Only “${this.found}”`;
  }

  // Show the whole list again.
  clear() {
    if (!byId("find").value && !this.found) return;
    clearTimeout(this.timer);
    byId("find").value = "";
    const { picture } = this.review;
    this.load(picture?.place > PAGE ? picture.previous : null);
  }

  leaveSearch(event) {
    event.preventDefault();
    this.clear();
    byId("canvas").focus({ preventScroll: true });
  }
}
