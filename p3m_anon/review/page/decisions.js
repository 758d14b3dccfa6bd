// The decisions: what is asked before one is sent, what is said when the server refuses it, and taking it back.

import { api } from "./api.js";
import { askBasis, choose } from "./dialogs.js";
import { dropDraft, keepDraft } from "./drawing.js";
import { byId } from "./dom.js";
import { calm, toast } from "./notices.js";
import { told, verdict as words } from "./words.js";

// The buttons, in the order in which they are shown. `wide`: as broad as the column. `broken`: also for a file that
// cannot be shown. `sample`: in a sample check only, or not there (where "covered" says it already).
export const DECISIONS = [
  { verdict: "covered", label: "Every face is covered", key: "C", wide: true, sample: true },
  { verdict: "mask", label: "Save mask", key: "Enter", wide: true },
  { verdict: "no_face", label: "No identifiable face", key: "F", wide: true, sample: false },
  { verdict: "normal", label: "May stay…", key: "M" },
  { verdict: "exclude", label: "Exclude…", key: "X", broken: true },
  { verdict: "skip", label: "Skip for now", key: "L", broken: true },
  { verdict: "open", label: "Take back", key: "T", broken: true },
];

const WITH_SHAPES = ["mask", "normal"];

export class Decisions {
  constructor(review, drawing, tools, overlays) {
    Object.assign(this, { review, drawing, tools, overlays });
  }

  // May this be decided now?
  may({ verdict, sample, broken }) {
    const { picture, ready, busy, filter } = this.review;
    if (!picture || busy || (picture.error ? !broken : !ready)) return false;
    if (sample !== undefined && sample !== (filter === "sample")) return false;
    if (verdict !== "open") return true;
    return (picture.decision !== null && !picture.decision.lapsed) || (filter === "sample" && Boolean(picture.sampled));
  }

  async decide(name) {
    if (!this.may(DECISIONS.find(({ verdict }) => verdict === name))) return;
    if (!byId("who").value.trim()) {
      byId("who").focus();
      toast("Your name goes with each decision. Please enter it at the top.");
      return;
    }
    const { picture } = this.review;
    const more = await this.ask(name);
    if (more && this.review.picture === picture) await this.send(name, more);
  }

  // What has to be known before; null: rather not.
  async ask(name) {
    if (WITH_SHAPES.includes(name) && !this.tools.finish()) {
      toast("A polygon needs three points. Click more of them, or press Escape.");
      return null;
    }
    if (name === "mask" && !this.drawing.masks()) {
      toast("Nothing is drawn yet. Draw over the face, or choose another answer.");
      return null;
    }
    if (name === "normal") return askBasis(this.review.state.bases, this.review.picture.decision ?? {});
    if (name === "exclude") return this.sure("Exclude this picture from the dataset?", "It will not be released.", "Exclude it");
    const dropped = this.tools.busy() || (this.drawing.unsaved() && this.drawing.shapes.length);
    if (dropped && (name === "no_face" || name === "covered")) {
      return this.sure("You have drawn something", `“${words(name)}” drops what is drawn and not saved.`, "Drop the drawing");
    }
    return {};
  }

  async sure(title, text, yes) {
    return (await choose(title, text, [["", "Go back"], ["yes", yes]])) ? {} : null;
  }

  body(name, more, { path, sha256, version } = this.review.picture) {
    const { filter } = this.review;
    const shapes = WITH_SHAPES.includes(name) ? this.drawing.sent() : [];
    const empty = { basis: null, reference: null, confirmed: false };
    return {
      path, sha256, version, who: byId("who").value.trim(), verdict: name, shapes, as_drawn: this.drawing.asDrawn,
      note: this.drawing.note.trim(), filter, ...empty, ...more,
    };
  }

  async send(name, more) {
    const { review } = this;
    this.working(true);
    try {
      const answer = await api.decide(this.body(name, more));
      this.working(false);
      calm();
      await this.done(name, answer);
    } catch (error) {
      this.working(false);
      if (error.status === 422 && error.body.sightings) await this.confirm(name, more, error.body);
      else if (error.status === 409 && error.body.now) await this.conflict(error.body);
      else review.trouble(error);
    }
  }

  working(busy) {
    this.review.busy = busy;
    this.review.tell("busy");
  }

  // The drawing that was decided about comes back with the decision taken back.
  async done(name, { picture, state }) {
    const { review, drawing } = this;
    const draft = { shapes: drawing.shapes, asDrawn: drawing.asDrawn, note: drawing.note };
    if (name !== "skip") dropDraft(review.picture);
    review.setState(state);
    review.tell("decided", { path: picture.path, verdict: picture.decision?.verdict ?? null, open: name === "open" });
    if (name === "open") {
      if (draft.shapes.length) keepDraft(picture, draft);
      await review.show(picture);
      toast(`Taken back: ${picture.id} is open again.`);
      return;
    }
    toast(`Saved: ${picture.id}, ${words(name)}.`, ["Take back", () => this.takeBack(picture, draft)]);
    await review.advance(picture);
  }

  async takeBack(picture, draft) {
    const { review } = this;
    if (review.busy) return;
    const { path } = picture;
    this.working(true);
    try {
      const answer = await api.decide(this.body("open", { note: "", as_drawn: false }, picture));
      if (draft.shapes.length) keepDraft(answer.picture, draft);
      review.setState(answer.state);
      review.tell("decided", { path, verdict: null, open: true });
      await review.open(path);
      toast(`Taken back: ${picture.id} is open again.`);
    } catch (error) {
      review.trouble(error);
    } finally {
      this.working(false);
    }
  }

  // Places that look like a face are left clear.
  async confirm(name, more, { sightings }) {
    const { review } = this;
    this.overlays.uncovered = new Set(sightings);
    review.viewer.view.fit(); // all of them have to be seen
    review.viewer.moved();
    const one = sightings.length === 1;
    const answer = await choose(
      one ? "Is this a face?" : "Are these faces?",
      `${one ? "1 place looks" : `${sightings.length} places look`} like a face to a detector and ${one ? "is" : "are"} not covered: ` +
        `${one ? "it is" : "they are"} outlined in red. ${one ? "Is this not a face?" : "Are these not faces?"}`,
      [["", "Go back and draw"], ["save", one ? "It is no face: save" : "They are no faces: save"]],
    );
    if (answer === "save") await this.send(name, { ...more, confirmed: true });
  }

  // Somebody else was faster. Nothing is written over without being looked at.
  async conflict({ error, now }) {
    const { review, drawing } = this;
    const own = { shapes: drawing.shapes, asDrawn: drawing.asDrawn, note: drawing.note };
    const decided = now.decision && now.version !== review.picture.version;
    const answer = await choose(
      "This picture has changed in the meantime",
      `${decided ? told(now.decision) : error}\n\nYour drawing was not saved, and it is not lost.`,
      [["theirs", "Show theirs"], ["mine", "Keep mine and look again"]],
    );
    dropDraft(review.picture);
    if (answer !== "theirs") keepDraft(now, own);
    await review.refresh().catch((failure) => review.trouble(failure));
    await review.show(now);
    if (answer === "theirs") drawing.remember(own);
  }
}
