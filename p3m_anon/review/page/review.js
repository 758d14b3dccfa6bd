// Which picture is open, and which comes next. Tells others with the events "state", "filter", "picture" and "decided".

import { api, Lost } from "./api.js";
import { calm, trouble } from "./notices.js";

const PAGE = 60;
export const BROWSED = ["decided", "released", "failed"]; // filters in which no picture waits for an answer
const RELEASED_FIRST = ["released", "sample"];
const AGAIN = 3000; // ms between tries when the server does not answer

export class Review extends EventTarget {
  state = null;
  filter = null;
  picture = null;
  which = "original";
  ready = false; // the picture can be seen
  busy = false; // a decision is on its way
  turn = 0;

  constructor(viewer, drawing) {
    super();
    this.viewer = viewer;
    this.drawing = drawing;
    viewer.addEventListener("trouble", ({ detail }) => this.trouble(detail, () => viewer.moved()));
  }

  async start() {
    try {
      this.setState(await api.state());
      await this.follow();
    } catch (error) {
      this.trouble(error, () => this.start());
    }
  }

  // Go where the address says, or to what waits first.
  async follow() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const known = this.state.filters.some(({ key }) => key === wanted.get("f"));
    const filter = known ? wanted.get("f") : "todo";
    if (filter === this.filter && wanted.get("p") === (this.picture?.path ?? null)) return;
    await this.choose(filter, wanted.get("p"));
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
      const first = path ?? (await this.begin());
      if (turn !== this.turn) return;
      if (first) await this.open(first);
      else this.finish();
    } catch (error) {
      this.trouble(error, () => this.choose(filter, path));
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

  at(picture) {
    return picture.released && RELEASED_FIRST.includes(this.filter) ? "released" : "original";
  }

  // Have the next picture's pixels here before it is asked for. What is known of it is asked again then.
  async expect(path) {
    if (!path) return;
    const next = await api.picture(path, this.filter).catch(() => null);
    if (next && !next.error) this.viewer.expect(next, this.at(next));
  }

  async swap() {
    if (!this.ready || !this.picture.released) return;
    const { picture } = this;
    this.which = this.which === "original" ? "released" : "original";
    try {
      await this.viewer.show(picture, this.which, true);
      this.tell("picture");
    } catch (error) {
      this.trouble(error, () => this.show(picture));
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
    const place = new URLSearchParams(path ? { f: this.filter, p: path } : { f: this.filter });
    history.replaceState(null, "", `#${place}`);
  }

  // Say what went wrong. A server that does not answer is asked again by itself.
  trouble(error, retry = null) {
    trouble(error, retry);
    clearTimeout(this.again);
    if (error instanceof Lost && retry) {
      this.again = setTimeout(async () => {
        try {
          await api.state();
        } catch {
          return this.trouble(error, retry);
        }
        calm();
        return retry();
      }, AGAIN);
    }
  }

  tell(name, detail = null) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
