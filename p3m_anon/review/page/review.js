// Which picture is open, and which comes next. Tells others with the events "state", "filter", "picture", "decided",
// "written", "finished" and "sheets". The address says which filter is chosen, and whether it is looked through in sheets; which picture is open is kept in this tab's storage,
// because a browser writes addresses into its history, and names of files may be names of people.

import { holds } from "./answers.js";
import { api, explained, Lost } from "./api.js";
import { calm, toast, trouble } from "./notices.js";

const PAGE = 60;
export const BROWSED = ["decided", "released", "failed"]; // filters in which no picture waits for an answer
export const offersSheets = (filter) => filter === "todo" || Boolean(filter?.startsWith("reason:"));
const RELEASED_FIRST = ["released", "sample"];
const AGAIN = 3000; // ms between tries when the server does not answer
const SMALL = matchMedia("(max-width: 899.98px), (max-height: 559.98px)"); // as the style sheet has it
const OPEN = "p3m-open"; // {filter, path}

export class Review extends EventTarget {
  state = null;
  filter = null;
  picture = null;
  which = "original";
  ready = false; // the picture can be seen
  busy = false; // a decision is on its way
  sheets = false; // many pictures are shown at once, and none is open
  turn = 0;

  constructor(viewer, drawing) {
    super();
    this.viewer = viewer;
    this.drawing = drawing;
    SMALL.addEventListener("change", () => this.tell("busy"));
    viewer.addEventListener("trouble", ({ detail }) => this.trouble(detail, () => viewer.moved()));
  }

  // Is the window too small to decide anything in it?
  get small() {
    return SMALL.matches;
  }

  async start() {
    try {
      this.setState(await api.state());
      await this.follow();
    } catch (error) {
      this.trouble(error, () => this.start());
    }
  }

  // Go where the address says: to the picture that was open there, or to what waits first.
  async follow() {
    if (!this.state) return; // it will be followed then
    const address = new URLSearchParams(location.hash.slice(1));
    const wanted = address.get("f");
    const known = this.state.filters.some(({ key }) => key === wanted);
    const filter = known ? wanted : "todo";
    const sheets = address.get("v") === "sheets" && offersSheets(filter);
    if (filter === this.filter && sheets === this.sheets) return;
    this.sheets = sheets;
    const last = JSON.parse(sessionStorage.getItem(OPEN));
    await this.choose(filter, last?.filter === filter ? last.path : null);
  }

  setState(state) {
    this.state = state;
    this.tell("state");
  }

  async refresh() {
    this.setState(await api.state());
  }

  async choose(filter, path = null) {
    this.filter = filter;
    this.tell("filter");
    const turn = this.leave();
    try {
      await this.refresh();
      if (this.sheets) {
        this.remember(null);
        this.tell("sheets");
        return;
      }
      const first = (await this.there(path)) ?? (await this.begin());
      if (turn !== this.turn) return;
      if (first) await this.open(first);
      else this.finish();
    } catch (error) {
      this.trouble(error, () => this.choose(filter, path));
    }
  }

  // A picture that was open before may be gone since.
  async there(path) {
    if (path === null) return null;
    try {
      const { place } = await api.picture(path, this.filter);
      return place === null && this.filter === "sample" ? null : path; // another sample has other pictures
    } catch (error) {
      const why = await explained(error);
      if (why.status === 404) return null;
      throw why;
    }
  }

  // The first picture of the filter that waits; where none does, the first of all.
  async begin() {
    if (!BROWSED.includes(this.filter)) return this.waiting(null, null);
    return (await api.queue(this.filter, null, 1, "")).rows[0]?.path ?? null;
  }

  async open(path) {
    const turn = this.leave();
    try {
      const picture = await api.picture(path, this.filter);
      if (turn === this.turn) await this.show(picture);
    } catch (error) {
      this.trouble(error, () => this.open(path));
    }
  }

  // No picture is open until the next one is; the answer marks this moment.
  leave() {
    this.picture = null;
    this.ready = false;
    this.viewer.clear();
    this.drawing.close();
    this.tell("picture");
    return ++this.turn;
  }

  async show(picture) {
    const turn = ++this.turn;
    this.picture = picture;
    this.ready = false;
    this.which = this.at(picture);
    this.remember(picture.path);
    const restored = this.drawing.open(picture);
    this.tell("picture");
    if (restored) this.tell("restored");
    if (picture.error) {
      this.viewer.clear();
      return;
    }
    try {
      const shown = await this.viewer.show(picture, this.which);
      if (!shown || turn !== this.turn) return;
      this.ready = true;
      calm();
      this.tell("picture");
      this.expect(picture.next);
    } catch (error) {
      this.trouble(error, () => this.show(picture));
    }
  }

  // What was carried out is looked at as it became.
  at({ released, decision }) {
    const done = !holds(decision) || decision.written;
    return released && (done || RELEASED_FIRST.includes(this.filter)) ? "released" : "original";
  }

  // Have the next picture's pixels here before it is asked for. What is known of it is asked again then.
  async expect(path) {
    if (!path) return;
    const next = await api.picture(path, this.filter).catch(() => null);
    if (next && !next.error) this.viewer.expect(next, this.at(next));
  }

  // Show the original or the released file; true once it is shown.
  async swap(which = this.which === "original" ? "released" : "original") {
    const { picture } = this;
    if (!this.ready || (which === "released" && !picture.released)) return false;
    if (which === this.which) return true;
    this.which = which;
    try {
      const shown = await this.viewer.show(picture, which, true);
      this.tell("picture");
      return shown;
    } catch (error) {
      this.trouble(error, () => this.show(picture));
      return false;
    }
  }

  // Decisions were carried out: nothing is as it was. `open`: may the picture be opened anew?
  async reload(open) {
    this.viewer.pictures.forget();
    try {
      await this.refresh();
      this.tell("written");
      if (this.sheets) return;
      if (!this.picture) await this.choose(this.filter);
      else if (open) await this.open(this.picture.path);
    } catch (error) {
      this.trouble(error, () => this.reload(open));
    }
  }

  async step(path) {
    if (path && !this.busy) await this.open(path);
  }

  // After a decision: the next one that waits, from here on and then from the beginning.
  async advance(picture) {
    if (BROWSED.includes(this.filter)) return picture.next ? this.open(picture.next) : this.show(picture);
    const turn = this.leave();
    try {
      const next = (await this.waiting(picture.path, picture.path)) ?? (await this.waiting(null, picture.path));
      if (turn !== this.turn) return undefined;
      return next ? this.open(next) : this.finish();
    } catch (error) {
      return this.trouble(error, () => this.advance(picture));
    }
  }

  async waiting(after, besides) {
    if (!this.state.filters.find(({ key }) => key === this.filter).open) return null;
    for (let from = after; ; ) {
      const { rows, more } = await api.queue(this.filter, from, PAGE, "");
      const found = rows.find((row) => row.path !== besides && row.open);
      if (found || !more || !rows.length) return found?.path ?? null;
      from = rows.at(-1).path;
    }
  }

  finish() {
    this.leave();
    this.remember(null);
    this.tell("finished");
  }

  remember(path) {
    sessionStorage.setItem(OPEN, JSON.stringify({ filter: this.filter, path }));
    const address = { f: this.filter, ...(this.sheets ? { v: "sheets" } : {}) };
    history.replaceState(null, "", `#${new URLSearchParams(address)}`);
  }

  // Say what went wrong. A server that does not answer is asked again by itself.
  async trouble(error, retry = null) {
    clearTimeout(this.again);
    const why = await explained(error);
    const lost = why instanceof Lost;
    const answers = () => toast("The server answers again.");
    const once = () => this.answers(why, retry ?? answers);
    trouble(why, lost ? once : why === error ? retry : null);
    if (lost) this.again = setTimeout(once, AGAIN);
  }

  // Go on as soon as the server answers.
  async answers(lost, retry) {
    clearTimeout(this.again);
    try {
      await api.state();
    } catch (error) {
      return this.trouble(error instanceof Lost ? lost : error, retry);
    }
    calm();
    return retry();
  }

  tell(name, detail = null) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
