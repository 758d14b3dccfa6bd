// What is drawn on the picture, with every step of it, and its copy in the browser tab's own storage: a reload, a lost
// connection or a look at another picture takes nothing away. The copies are found by path and content of the picture.

import { beginning, holds } from "./answers.js";
import { bare, same } from "./shapes.js";

const PREFIX = "p3m-drawing:";
const EMPTY = { shapes: [], asDrawn: false };
const place = (picture) => `${PREFIX}${picture.path}\n${picture.sha256}`;

export class Drawing extends EventTarget {
  picture = null;
  note = "";
  steps = [EMPTY];
  step = 0;
  saved = EMPTY; // with what it began: what the decision has, or what is released
  savedNote = "";

  get shapes() {
    return this.steps[this.step].shapes;
  }

  get asDrawn() {
    return this.steps[this.step].asDrawn;
  }

  // Begin with what was decided or is released, and go on with what was drawn and not saved. True if there was such a thing.
  open(picture) {
    this.picture = picture;
    this.saved = beginning(picture);
    this.savedNote = this.note = (holds(picture.decision) && picture.decision.note) || "";
    this.steps = [this.saved];
    this.step = 0;
    const draft = this.locked() ? null : readDraft(picture);
    const shapes = draft && [...unknown(picture.start, draft), ...draft.shapes];
    const differs = draft && !(same(shapes, this.saved.shapes) && draft.asDrawn === this.saved.asDrawn);
    if (draft) this.note = draft.note;
    if (differs) {
      this.change({ shapes, asDrawn: draft.asDrawn });
    } else {
      this.tell();
    }
    return Boolean(differs);
  }

  close() {
    this.picture = null;
    this.steps = [EMPTY];
    this.step = 0;
    this.saved = EMPTY;
    this.savedNote = this.note = "";
    this.tell();
  }

  // Nothing can be drawn on a file that the detectors did not see.
  locked() {
    return Boolean(this.picture?.changed);
  }

  // Every change is a step that can be undone.
  change({ shapes = this.shapes, asDrawn = this.asDrawn }) {
    if (this.locked()) return;
    this.steps = [...this.steps.slice(0, this.step + 1), { shapes, asDrawn }];
    this.step += 1;
    this.keep();
  }

  // Put a drawing before this one, so that undo brings it back.
  remember({ shapes, asDrawn }) {
    if (this.locked()) return;
    this.steps = [{ shapes, asDrawn }, ...this.steps.slice(0, this.step + 1)];
    this.step += 1;
    this.tell();
  }

  add(...shapes) {
    this.change({ shapes: [...this.shapes, ...shapes] });
  }

  setNote(text) {
    this.note = text;
    this.keep();
  }

  undo() {
    this.go(this.step - 1);
  }

  redo() {
    this.go(this.step + 1);
  }

  go(step) {
    if (step < 0 || step >= this.steps.length) return;
    this.step = step;
    this.keep();
  }

  canUndo() {
    return this.step > 0;
  }

  canRedo() {
    return this.step < this.steps.length - 1;
  }

  // Is there something that no decision has?
  unsaved() {
    return !same(this.shapes, this.saved.shapes) || this.asDrawn !== this.saved.asDrawn;
  }

  noted() {
    return this.note !== this.savedNote;
  }

  // As a decision takes it.
  sent() {
    return this.shapes.map(bare);
  }

  masks() {
    return this.shapes.some((shape) => shape.kind !== "erase");
  }

  keep() {
    if (this.picture && !this.locked()) {
      const { shapes, asDrawn, note } = this;
      if (this.unsaved() || this.noted()) keepDraft(this.picture, { shapes, asDrawn, note });
      else dropDraft(this.picture);
    }
    this.tell();
  }

  tell() {
    this.dispatchEvent(new Event("change"));
  }
}

// What has been released since the draft was made is not in it, and is not to be lost by it.
function unknown(start, draft) {
  if (same(start, draft.start ?? [])) return [];
  return start.filter((shape) => !draft.shapes.some((one) => same([one], [shape])));
}

function readDraft(picture) {
  const text = sessionStorage.getItem(place(picture));
  return text === null ? null : JSON.parse(text);
}

export function keepDraft(picture, draft) {
  sessionStorage.setItem(place(picture), JSON.stringify({ ...draft, start: picture.start }));
}

export function dropDraft(picture) {
  sessionStorage.removeItem(place(picture));
}

export function anyDraft() {
  return Object.keys(sessionStorage).some((key) => key.startsWith(PREFIX));
}
