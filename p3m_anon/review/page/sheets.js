// The sheet view: one sheet on the screen and the next ones ready behind it. Marked pictures wait for a closer look; Enter
// answers all the others, if every one of them was loaded and in view. The server checks that again, and the control.
//
// For tests #sheet-stage carries data-sheet, the name of the sheet shown, and data-ahead, how many are ready behind it.

import { api, Lost } from "./api.js";
import { byId, make } from "./dom.js";
import { calm } from "./notices.js";
import { offersSheets } from "./review.js";
import { SheetTiles } from "./sheet_tiles.js";

const AHEAD = 2;
const SETTLED = 300; // ms after the window's size has changed
const VISIT = "p3m-visit";

const ASK = "Mark each picture with a face, the pasted one too.";
const FAILED = "Nothing was answered: you did not mark the pasted face. Look again.";
const CHANGED = "Nothing was answered: a file has changed. Look again.";
const NAMELESS = "Your name goes with each answer. Please enter it at the top.";

export class Sheets {
  current = null;
  ahead = [];
  left = null;
  over = false; // the server has no more
  said = ""; // what became of the sheet before, or what is missing
  wrong = false; // is that something to put right?
  busy = false;
  turn = 0; // raised when all sheets are drawn anew

  constructor(review) {
    this.review = review;
    review.addEventListener("sheets", () => this.begin());
    for (const name of ["filter", "state"]) review.addEventListener(name, () => this.offer());
    review.addEventListener("busy", () => this.buttons());
    byId("sheets-open").onclick = () => this.enter();
    byId("sheet-leave").onclick = () => this.leave();
    byId("sheet-answer").onclick = () => this.answer();
    byId("sheet-left").onclick = () => this.why(byId("sheet-why").hidden);
    new ResizeObserver(() => this.resized()).observe(byId("sheet-stage"));
  }

  get on() {
    return this.review.sheets;
  }

  offer() {
    const { filter, state } = this.review;
    const open = state?.filters.find(({ key }) => key === filter)?.open ?? 0;
    byId("sheets-row").hidden = !offersSheets(filter);
    byId("sheets-open").disabled = !open;
    byId("sheets").hidden = !this.on;
    if (this.on) document.body.dataset.view = "sheets";
    else delete document.body.dataset.view;
  }

  enter() {
    const { filter } = this.review;
    this.say("");
    if (this.on || byId("sheets-open").disabled || !offersSheets(filter)) return;
    this.review.sheets = true;
    this.review.choose(filter);
  }

  // Back to one picture at a time: what is marked waits there.
  leave() {
    if (!byId("sheet-why").hidden) return this.why(false);
    this.drop();
    this.review.sheets = false;
    return this.review.choose(this.review.filter);
  }

  drop() {
    this.turn += 1;
    for (const sheet of [this.current, ...this.ahead]) sheet?.end();
    this.current = null;
    this.ahead = [];
    this.over = this.busy = false;
    byId("sheet-stage").replaceChildren();
  }

  begin() {
    this.drop();
    this.why(false);
    this.offer();
    this.left = null;
    this.fresh = true; // sheets that were drawn before are not waited for
    this.size = this.room();
    this.show();
    return this.fill();
  }

  room() {
    const { clientWidth, clientHeight } = byId("sheet-stage");
    return { width: clientWidth, height: clientHeight, dense: window.devicePixelRatio || 1 };
  }

  // A sheet that no longer fits is laid out anew.
  resized() {
    clearTimeout(this.timer);
    if (!this.on || !this.size) return;
    const { width, height, dense } = this.room();
    const same = width === this.size.width && height === this.size.height && dense === this.size.dense;
    if (!same && !this.review.small) this.timer = setTimeout(() => this.on && this.begin(), SETTLED);
  }

  // Keep sheets ready: drawn by the server, and every image of them fetched and decoded.
  async fill() {
    const { turn } = this;
    if (this.filling === turn) return;
    this.filling = turn;
    try {
      while (turn === this.turn && !this.over && this.ahead.length < AHEAD) {
        const visit = sessionStorage.getItem(VISIT);
        const answer = await api.drawSheet({ visit, fresh: this.fresh, filter: this.review.filter, ...this.size });
        this.fresh = false;
        if (turn !== this.turn) return;
        sessionStorage.setItem(VISIT, answer.visit);
        this.left = answer.left;
        this.over = answer.sheet === null;
        if (answer.sheet) {
          const tiles = await this.tiles(answer.sheet);
          if (turn !== this.turn) return;
          this.ahead.push(tiles);
        }
        this.show();
      }
    } catch (error) {
      if (turn === this.turn) this.review.trouble(error, () => this.fill());
    } finally {
      if (this.filling === turn) this.filling = null;
    }
  }

  async tiles(sheet) {
    const tiles = new SheetTiles(sheet, () => this.buttons());
    await tiles.load();
    return tiles;
  }

  // The next sheet, if none is shown; where there is none, what is left and why.
  show() {
    const next = this.current ? null : this.ahead.shift();
    if (next) this.put(next);
    const stage = byId("sheet-stage");
    stage.dataset.ahead = this.ahead.length;
    stage.dataset.sheet = this.current?.name ?? "";
    byId("sheet-waiting").hidden = Boolean(this.current) || this.over;
    const ended = !this.current && this.over;
    if (ended) this.ended();
    byId("sheet-end").hidden = !ended;
    this.tellAsk();
    this.tellLeft();
    this.buttons();
  }

  put(tiles) {
    this.current = tiles;
    tiles.show(byId("sheet-stage"));
  }

  buttons() {
    const { current } = this;
    const others = current ? current.tiles.length - current.marked().length : 0;
    const label = current && !current.ready() ? "Not all loaded and in view" : `No identifiable face in the other ${others}`;
    byId("sheet-answer").replaceChildren(current ? label : "No sheet", make("kbd", {}, "Enter"));
    byId("sheet-answer").disabled = !current?.ready() || this.busy || this.review.small;
  }

  async answer() {
    const { current, review, turn } = this;
    if (!current || this.busy || review.small) return;
    const who = byId("who").value.trim();
    if (!who) {
      byId("who").focus();
      this.say(NAMELESS, true);
      return;
    }
    if (!current.ready()) return this.again(current);
    this.busy = true;
    this.buttons();
    try {
      const marked = current.marked().map(({ name }) => name);
      const answer = await api.answerSheet({
        sheet: current.name, who, marked, tiles: current.report(), seconds: current.seconds(),
      });
      calm();
      if (turn === this.turn) await this.answered(answer);
    } catch (error) {
      if (turn === this.turn) this.refused(error);
    } finally {
      this.busy = false;
      this.buttons();
    }
  }

  // Something is missing: it is fetched once more, and the person answers again.
  async again(sheet) {
    const missing = await sheet.load();
    if (missing) this.say(`${plural(missing, "picture")} could not be loaded: ${sheet.failure.message}`, true);
    else if (!sheet.ready()) this.say("Not every picture has been in view yet. Make the window larger.", true);
    else this.say("");
    this.buttons();
  }

  async answered({ state, answered, marked, sheet }) {
    const { turn } = this;
    const again = sheet ? await this.tiles(sheet) : null;
    if (turn !== this.turn) return;
    this.current.end();
    this.current = null;
    if (again) this.ahead.unshift(again);
    const done = `${answered} answered${marked ? `, ${marked} for a closer look` : ""}.`;
    this.say({ accepted: done, failed: FAILED, changed: CHANGED }[state], state !== "accepted");
    this.show();
    this.fill();
    this.review.refresh().catch((error) => this.review.trouble(error));
  }

  refused(error) {
    if (error.status === 409) {
      this.say("Nothing was answered: that sheet was drawn too long ago.", true);
      this.begin();
    } else {
      this.review.trouble(error, error instanceof Lost ? () => this.say("The server answers again. Press Enter again.") : null);
    }
  }

  // Beside what is asked: messages over the pictures would hide some of them.
  say(text, wrong = false) {
    this.said = text;
    this.wrong = wrong;
    this.tellAsk();
  }

  tellAsk() {
    const said = this.current && !this.wrong ? `${this.said} ${ASK}`.trim() : this.said;
    byId("sheet-ask").textContent = byId("sheet-ask").title = said;
    byId("sheet-ask").classList.toggle("wrong", this.wrong);
  }

  // -- what sheets do not offer

  count() {
    return (this.left?.singly ?? []).reduce((sum, { pictures }) => sum + pictures, 0);
  }

  tellLeft() {
    const count = this.count();
    byId("sheet-left").hidden = !count;
    byId("sheet-left").textContent = `${count} left for one by one${this.left?.complete ? "" : " so far"}`;
    byId("sheet-why").replaceChildren(...this.reasons());
  }

  why(open) {
    byId("sheet-why").hidden = !open;
    byId("sheet-left").setAttribute("aria-expanded", open);
  }

  reasons() {
    const lines = (this.left?.singly ?? []).map(({ why, pictures }) => make("li", {}, `${pictures} ${why}`));
    return [make("p", {}, "These pictures are looked at one by one:"), make("ul", {}, ...lines)];
  }

  ended() {
    const count = this.count();
    const title = count ? "The rest is for one by one" : "Nothing waits here";
    const text = count ? this.reasons() : [make("p", {}, "Every picture of this filter has an answer.")];
    const back = make("button", { type: "button", className: "main", id: "sheet-back", onclick: () => this.leave() }, "One by one");
    byId("sheet-end").replaceChildren(make("h2", {}, title), ...text, back);
    back.focus();
  }

  focus() {
    if (this.current) this.current.go(this.current.tiles[this.current.at]);
    else document.activeElement?.blur();
  }
}

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
