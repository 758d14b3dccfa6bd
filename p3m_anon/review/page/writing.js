// "Write now": the decisions are carried out while one goes on looking at pictures.

import { api } from "./api.js";
import { byId } from "./dom.js";

const EVERY = 1000; // ms

export class Writing {
  running = false;

  // written: called when it has ended.
  constructor(review, written) {
    this.review = review;
    this.written = written;
    for (const name of ["state", "picture"]) review.addEventListener(name, () => this.show());
    byId("write").onclick = () => this.start();
    byId("writing-close").onclick = () => (byId("writing").hidden = true);
  }

  show() {
    const { state, picture } = this.review;
    if (!state) return;
    const { unwritten } = state;
    byId("unwritten").textContent = unwritten ? `${unwritten} not written yet` : "All written";
    byId("write").disabled = (!unwritten && !picture?.changed) || this.running; // it also has a changed file looked at
    byId("write").classList.toggle("main", unwritten > 0);
  }

  async start() {
    if (this.running) return;
    byId("write").disabled = true;
    await this.follow(() => api.write());
  }

  // After a reload it may be under way.
  async resume() {
    const now = await api.writing().catch(() => ({ running: false }));
    if (now.running) await this.follow(() => now);
  }

  async follow(begin) {
    this.running = true;
    byId("writing").hidden = false;
    try {
      let now = await begin();
      while (now.running) {
        this.tell(now);
        await new Promise((resolve) => setTimeout(resolve, EVERY));
        now = await api.writing();
      }
      this.tell(now);
    } catch (error) {
      this.tell({ message: "", error: error.message });
    }
    this.running = false;
    await this.written();
  }

  tell({ running = false, done = 0, total = 0, message, error }) {
    const bar = byId("writing-bar");
    if (running && !total) bar.removeAttribute("value"); // it moves to and fro until the number is known
    else {
      bar.max = Math.max(total, 1);
      bar.value = running ? done : bar.max;
    }
    bar.hidden = Boolean(error);
    const said = error ?? (running ? message : `${message}\nNext: p3m-anon audit`);
    byId("writing-text").textContent = said;
    byId("writing-text").classList.toggle("wrong", Boolean(error));
    byId("writing-close").hidden = running;
  }
}
